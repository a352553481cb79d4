using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;

namespace Grid.Dockerfiles;

/// <summary>
/// A <c>build.Dockerfile</c> or <c>run.Dockerfile</c> of an extension, checked against the rules of image_extension.md §"Image extension output".
/// </summary>
/// <param name="Dockerfile">The file.</param>
/// <param name="Kind">Which of the two.</param>
public sealed record ExtensionDockerfile(Dockerfile Dockerfile, ImageKind Kind)
{
    /// <summary>Run only: the image named by FROM when it is not the base image, exactly as written; else null.</summary>
    public string? SwitchTo { get; init; }

    /// <summary>Whether anything stands behind FROM. Only then is there something to apply.</summary>
    public bool Extends { get; init; }

    /// <summary>What the author should change, in the reference lifecycle's words; for the log, in file order.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Whether the file's own instructions say the result can be rebased.</summary>
    public bool SetsRebasable => RebasableLabel.IsSetBy(Dockerfile);

    /// <summary>
    /// What is wrong with single instructions behind FROM whatever the base image, the arguments and the context are, in file order: mounts with options that are not
    /// permitted, several sources for one file, numbers out of range.
    /// </summary>
    public IEnumerable<DockerfileException> Problems() => InstructionCheck.Find(Dockerfile, Dockerfile.Instructions.SkipWhile(i => i is not FromInstruction).Skip(1));

    /// <summary>As <see cref="ReadWhole"/>, and refuses the file for the first of its <see cref="Problems"/>: before anything of it has run.</summary>
    public static ExtensionDockerfile Read(string text, string fileName, ImageKind kind)
    {
        var file = ReadWhole(text, fileName, kind);
        return file.Problems().FirstOrDefault() is { } problem ? throw problem : file;
    }

    /// <summary>
    /// Reads and checks a file as a whole. Throws <see cref="DockerfileException"/> when it may not be used. The checks come in the reference's order:
    /// syntax, stages, (warnings,) ARG, FROM; then ours: no <c>scratch</c>, no other image in COPY.
    /// </summary>
    /// <param name="text">The file's text.</param>
    /// <param name="fileName">For messages: <c>build.Dockerfile</c> or <c>run.Dockerfile</c>, as the reference's warnings call it; directories in front are dropped from those.</param>
    /// <param name="kind">Which rules apply.</param>
    public static ExtensionDockerfile ReadWhole(string text, string fileName, ImageKind kind)
    {
        var dockerfile = Dockerfile.Parse(text, fileName);
        RefuseFrontend(dockerfile);
        var name = kind == ImageKind.Build ? "build.Dockerfile" : "run.Dockerfile";
        var from = OnlyFrom(dockerfile, name);
        var behind = dockerfile.Instructions.SkipWhile(instruction => instruction != from).Skip(1).ToList();
        var warnings = behind.Where(NotRecommended).Select(instruction => $"{name} command {instruction.Keyword} on line {instruction.Source.Line} is not recommended").ToList();
        if (kind == ImageKind.Build)
            CheckBuild(dockerfile, name, from);
        RefuseOtherImages(dockerfile, behind);
        return new ExtensionDockerfile(dockerfile, kind)
        {
            SwitchTo = kind == ImageKind.Run ? SwitchTarget(dockerfile, from) : null,
            Extends = behind.Count > 0,
            Warnings = warnings,
        };
    }

    // Docker's own frontend is what we implement; another one would be a program that runs in our place (CVE-2024-23653).
    private static void RefuseFrontend(Dockerfile dockerfile)
    {
        if (dockerfile.Directives.Syntax is not { } frontend)
            return;
        var name = frontend.StartsWith("docker.io/", StringComparison.Ordinal) ? frontend["docker.io/".Length..] : frontend;
        if (name.Split(':', '@')[0] is not ("docker/dockerfile" or "docker/dockerfile-upstream"))
            throw new DockerfileException(dockerfile.FileName, dockerfile.Directives.SyntaxLine, 1, $"the frontend {frontend} is not permitted", "remove the syntax directive, or name docker/dockerfile:1");
    }

    private static FromInstruction OnlyFrom(Dockerfile dockerfile, string name)
    {
        foreach (var instruction in dockerfile.Instructions)
        {
            if (instruction is FromInstruction)
                break;
            if (instruction is not ArgInstruction)
                throw Error(dockerfile, instruction, "no build stage in current context", "put FROM ${base_image} before it; only ARG may stand in front of FROM");
        }
        var froms = dockerfile.Instructions.OfType<FromInstruction>().ToList();
        return froms.Count switch
        {
            0 => throw Error(dockerfile, dockerfile.Instructions[^1], $"{name} did not contain required FROM ${{base_image}} command", "add FROM ${base_image} behind ARG base_image"),
            1 => froms[0],
            _ => throw Error(dockerfile, froms[1], $"{name} is not permitted to use multistage build", "keep one FROM"),
        };
    }

    private static void CheckBuild(Dockerfile dockerfile, string name, FromInstruction from)
    {
        var before = dockerfile.Instructions.TakeWhile(instruction => instruction != from).ToList();
        if (before is not [ArgInstruction { Declarations: [{ Name: "base_image" }, ..] }])
            throw Error(dockerfile, dockerfile.Instructions[0], $"{name} did not start with required ARG command", "begin it with ARG base_image, and nothing else before FROM");
        if (from.Image != "${base_image}")
            throw Error(dockerfile, from, $"{name} did not contain required FROM ${{base_image}} command", $"write FROM ${{base_image}} instead of FROM {from.Image}");
    }

    // Both spellings of the variable mean the base image; the reference takes "$base_image" for the name of an image.
    private static string? SwitchTarget(Dockerfile dockerfile, FromInstruction from)
    {
        if (from.Image is "${base_image}" or "$base_image")
            return null;
        if (from.Image == "scratch")
            throw Error(dockerfile, from, "FROM scratch is not permitted in run.Dockerfile", "extend ${base_image}, or name an image that has the target's labels");
        if (from.Image.Contains('$'))
            throw Error(dockerfile, from, $"FROM {from.Image} uses variables other than base_image", "write ${base_image}, or the image's full name");
        return from.Image;
    }

    // The specification allows no other FROM; another image in COPY or a mount would be one, and would be fetched unpinned.
    private static void RefuseOtherImages(Dockerfile dockerfile, IEnumerable<Instruction> behind)
    {
        foreach (var instruction in behind)
        {
            var trigger = instruction is OtherInstruction { Name: "ONBUILD" } onBuild ? onBuild.Arguments[0] : "";
            if (instruction.Flag("from") is not null || trigger.Contains("--from=", StringComparison.Ordinal))
                throw Error(dockerfile, instruction, "COPY --from is not permitted in an extension's Dockerfile", "put the files into the extension's context");
        }
    }

    private static bool NotRecommended(Instruction instruction) =>
        instruction is CmdInstruction or EntrypointInstruction or OtherInstruction;

    private static DockerfileException Error(Dockerfile dockerfile, Instruction at, string what, string advice) =>
        new(dockerfile.FileName, at.Source.Line, at.Source.Column, what, advice);
}
