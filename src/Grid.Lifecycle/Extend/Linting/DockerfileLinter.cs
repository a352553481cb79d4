using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Extend.Linting;

/// <summary>
/// Plans a Dockerfile over an image that is like any other and says what would go wrong. Where the words depend on variables the base may set, it is a
/// warning only.
/// </summary>
internal static class DockerfileLinter
{
    /// <summary>Takes a finding: where, whether it is an error, what, and advice.</summary>
    public delegate void Report(SourceSpan at, bool isError, string message, string advice);

    public static void Lint(ExtensionDockerfile file, IReadOnlyList<BuildArg> args, ContextIndex? context, Report report)
    {
        var behind = file.Dockerfile.Instructions.SkipWhile(instruction => instruction is not FromInstruction).Skip(1).ToList();
        foreach (var instruction in behind.Where(instruction => instruction is CmdInstruction or EntrypointInstruction or OtherInstruction))
            report(instruction.Source, false, $"{instruction.Keyword} is not recommended in an extension's Dockerfile", "use only ADD, ARG, COPY, ENV, LABEL, RUN, SHELL, USER and WORKDIR");
        LintBuildId(behind, report);
        var problems = file.Problems().ToList();
        foreach (var problem in problems)
            report(new SourceSpan(problem.Line, problem.Column, problem.Line), true, problem.What, problem.Advice);
        var image = Plan(file, args, context, [.. problems.Select(problem => behind.Last(instruction => instruction.Source.Line <= problem.Line).Source.Line)], report);
        if (file.Kind == ImageKind.Run && behind.OfType<UserInstruction>().LastOrDefault() is { } last && UserText.Parse(image.Config.User ?? "").IsRoot)
            report(last.Source, false, "the run image would end with user root, which fails the build unless another extension changes it", "end with ARG user_id, ARG group_id, USER ${user_id}:${group_id}");
    }

    private static ImageState Plan(ExtensionDockerfile file, IReadOnlyList<BuildArg> args, ContextIndex? context, HashSet<int> reported, Report report)
    {
        var planner = StagePlanner.Start(file, Sample(), [new("build_id", Guid.Empty.ToString()), new("user_id", "1001"), new("group_id", "1001"), .. args, new("base_image", "base")]);
        var (state, scope) = (planner.InitialState, planner.InitialScope);
        for (var i = 0; i < planner.Count; i++)
        {
            try
            {
                var step = planner.Plan(i, state, scope);
                (state, scope) = (step.After(null), step.Scope);
                LintStep(step, context, report);
            }
            catch (DockerfileException e)
            {
                var instruction = file.Dockerfile.Instructions.FirstOrDefault(instruction => instruction.Source.Line == e.Line);
                if (!reported.Contains(e.Line))
                    report(new SourceSpan(e.Line, e.Column, e.Line), instruction?.Text.Contains('$') != true, e.What, e.Advice);
            }
        }
        return state;
    }

    private static void LintStep(PlannedStep step, ContextIndex? context, Report report)
    {
        if (step is CopyStep { Checksum: null } add)
        {
            foreach (var url in add.Urls)
                report(step.Source, false, $"{url} is fetched in every build to see whether it changed", "name its content with ADD --checksum=sha256:…");
        }
        if (context is null)
            return;
        if (step is CopyStep { Sources.Count: > 0 } copy)
            ContextMatcher.Match(copy, context, ignore: null);
        else if (step is RunStep { Mounts.Count: > 0 } run)
            ContextMatcher.MatchMounts(run, context, ignore: null);
    }

    private static void LintBuildId(List<Instruction> behind, Report report)
    {
        var declared = behind.FindIndex(instruction => instruction is ArgInstruction arg && arg.Declarations.Any(declaration => declaration.Name == "build_id"));
        if (declared < 0)
            return;
        var runs = behind.Skip(declared).Count(instruction => instruction is RunInstruction);
        if (runs > 0)
            report(behind[declared].Source, false, $"{runs} RUN {(runs == 1 ? "instruction" : "instructions")} behind ARG build_id run in every build", "declare it right before the step that needs it, or not at all");
    }

    /// <summary>An image such as base images are.</summary>
    private static ImageState Sample() => new([Digest.Compute([])], new ContainerConfig
    {
        User = "1001:1001",
        Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    }, HostPlatform.Current.Os, HostPlatform.Current.Architecture);
}
