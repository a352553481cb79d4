using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Extend.Linting;

/// <summary>
/// Looks at an extension (a directory with extension.toml) or at what one generated (a directory with Dockerfiles) and says what a build would refuse, and
/// what it would do that its author may not want. Nothing is run.
/// </summary>
public static class ExtensionLinter
{
    private const string Descriptor = "extension.toml";

    // image_extension.md: extensions came with Buildpack API 0.9, run.Dockerfiles that extend with 0.10.
    private static readonly ApiVersion First = new(0, 9);

    /// <summary>Everything found, in the order of files and lines.</summary>
    public static IReadOnlyList<LintFinding> Lint(IFileTree files, string directory)
    {
        var findings = new List<LintFinding>();
        var isExtension = files.Stat($"{directory}/{Descriptor}") is not null;
        if (isExtension)
            LintExtension(files, directory, findings);
        var outputs = (isExtension ? new[] { "generate", "" } : [""]).Where(output => HasDockerfile(files, Below(directory, output))).ToList();
        foreach (var output in outputs)
            findings.AddRange(OutputLinter.Lint(files, Below(directory, output), output.Length == 0 ? "" : output + "/"));
        if (!isExtension && outputs.Count == 0)
            findings.Add(new LintFinding(".", 1, 1, IsError: true, "there is neither an extension.toml nor a build.Dockerfile or run.Dockerfile", "name the directory of an extension, or the one it generated into"));
        return [.. findings.OrderBy(finding => finding.File, StringComparer.Ordinal).ThenBy(finding => finding.Line).ThenBy(finding => finding.Column)];
    }

    private static void LintExtension(IFileTree files, string directory, List<LintFinding> findings)
    {
        try
        {
            var descriptor = ModuleDescriptor.Read(files, ModuleKind.Extension, directory);
            LintDescriptor(descriptor, findings);
        }
        catch (TomlFormatException e)
        {
            findings.Add(OutputLinter.Of(e, Descriptor));
        }
        foreach (var program in new[] { "bin/detect", "bin/generate" })
        {
            if (files.Stat($"{directory}/{program}") is { } file && !file.IsExecutable)
                findings.Add(Whole(program, isError: true, "cannot be executed", $"make it a program: chmod +x {program}"));
        }
        if (files.Stat($"{directory}/bin/generate") is null && files.Stat($"{directory}/generate") is not { IsDirectory: true })
            findings.Add(Whole(Descriptor, isError: false, "the extension has neither bin/generate nor a directory generate: it changes no image", "add one of them"));
    }

    private static void LintDescriptor(ModuleDescriptor descriptor, List<LintFinding> findings)
    {
        if (descriptor.Api < First)
            findings.Add(Whole(Descriptor, isError: true, $"Buildpack API {descriptor.Api} has no extensions", "write api = \"0.10\" or a newer one"));
        else if (descriptor.Api == First)
            findings.Add(Whole(Descriptor, isError: false, $"with Buildpack API {descriptor.Api} a run.Dockerfile can only switch the run image", "write api = \"0.10\" or a newer one to extend it"));
        if (descriptor.Id.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '/' or '-')))
            findings.Add(Whole(Descriptor, isError: true, $"the id '{descriptor.Id}' has other characters than letters, digits, '.', '/' and '-'", "choose another id"));
        if (descriptor.Version.Split('.') is not [_, _, _] || descriptor.Version.Split('.').Any(part => part.Length == 0 || !part.All(char.IsAsciiDigit)))
            findings.Add(Whole(Descriptor, isError: false, $"the version '{descriptor.Version}' is not of the form X.Y.Z", "write three numbers"));
    }

    private static bool HasDockerfile(IFileTree files, string directory) => new[] { ImageKind.Build, ImageKind.Run }.Any(kind => files.Stat($"{directory}/{OutputLinter.NameOf(kind)}") is not null);

    private static string Below(string directory, string name) => name.Length == 0 ? directory : $"{directory}/{name}";

    private static LintFinding Whole(string file, bool isError, string message, string advice) => new(file, 1, 1, isError, message, advice);
}
