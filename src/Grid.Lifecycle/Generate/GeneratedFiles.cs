using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Lifecycle.Detect;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Generate;

/// <summary>
/// Lays the generated directory out as the Platform API has it (spec-facts §15): since 0.13 <c>&lt;id&gt;/{build,run}.Dockerfile</c>, where the extension itself
/// wrote them; before, <c>{build,run}/&lt;id&gt;/Dockerfile</c>. A run.Dockerfile that does not count gets the suffix <c>.ignore</c>.
/// </summary>
internal sealed class GeneratedFiles(IFileTree files, PhaseEnvironment environment, ApiVersion platformApi)
{
    private const int DirectoryMode = 0x1ED;
    private const int FileMode = 0x1A4;

    private Owner User => new(environment.User.UserId, environment.User.GroupId);

    /// <summary>Where an extension writes; before 0.13 a place of ours, from which the files are laid out: there an id could be "build" or "run".</summary>
    public static string OutputDirectory(PhaseEnvironment environment, GroupElement extension) => environment.Api < new ApiVersion(0, 13)
        ? $"{environment.GeneratedDirectory}/.output/{extension.EscapedId}"
        : $"{environment.GeneratedDirectory}/{extension.EscapedId}";

    /// <summary>Removes what an earlier run or the build image itself left.</summary>
    public void Clear()
    {
        if (files.Stat(environment.GeneratedDirectory) is not { IsDirectory: true })
            return;
        foreach (var entry in files.List(environment.GeneratedDirectory))
            files.Delete($"{environment.GeneratedDirectory}/{entry.Name}");
    }

    /// <summary>Lays out what all extensions made.</summary>
    public void Write(IReadOnlyList<ExtensionOutput> outputs, int firstAppliedRun)
    {
        for (var i = 0; i < outputs.Count; i++)
            Write(outputs[i], ignoreRun: i < firstAppliedRun);
        files.Delete($"{environment.GeneratedDirectory}/.output");
    }

    private void Write(ExtensionOutput output, bool ignoreRun)
    {
        var own = OutputDirectory(environment, output.Extension);
        if (platformApi < new ApiVersion(0, 13))
            WriteByKind(output, ignoreRun);
        else if (output.Directory == own)
            IgnoreRun(output, own, ignoreRun);
        else
            WriteStatic(output, own, ignoreRun);
    }

    private void IgnoreRun(ExtensionOutput output, string directory, bool ignoreRun)
    {
        if (ignoreRun && output.Run is not null)
            files.Rename($"{directory}/run.Dockerfile", $"{directory}/run.Dockerfile.ignore");
    }

    // Contexts stay where they are in the extension: they are read from there.
    private void WriteStatic(ExtensionOutput output, string directory, bool ignoreRun)
    {
        if (output.Build is not null)
            Add(directory, "build.Dockerfile", output.BuildText);
        if (output.Run is not null)
            Add(directory, "run.Dockerfile" + (ignoreRun ? ".ignore" : ""), output.RunText);
        if (output.ConfigText is { } config)
            Add(directory, "extend-config.toml", config);
    }

    private void WriteByKind(ExtensionOutput output, bool ignoreRun)
    {
        if (output.Build is not null)
            AddKind("build", output, "Dockerfile", output.BuildText);
        if (output.Run is not null)
            AddKind("run", output, ignoreRun ? "Dockerfile.ignore" : "Dockerfile", output.RunText);
    }

    private void AddKind(string kind, ExtensionOutput output, string name, string text)
    {
        var directory = $"{environment.GeneratedDirectory}/{kind}/{output.Extension.EscapedId}";
        Add(directory, name, text);
        if (output.ConfigText is { } config)
            Add(directory, "extend-config.toml", config);
    }

    private void Add(string directory, string name, string text)
    {
        files.CreateDirectory(directory, DirectoryMode, User);
        files.WriteFile($"{directory}/{name}", Encoding.UTF8.GetBytes(text), FileMode, User);
    }
}
