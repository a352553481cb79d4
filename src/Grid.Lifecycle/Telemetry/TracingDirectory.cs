using Grid.Buildpacks;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Telemetry;

/// <summary>
/// <c>&lt;layers&gt;/tracing</c>, where modules may write spans (RFC 0131 §Location). It is no layer and gets into no image. Modules own what is in it and may have
/// put anything there: no link is followed, and nothing that is wrong there is a build's failure.
/// </summary>
internal static class TracingDirectory
{
    private const int GroupWritable = 0x1FD; // 0775: RFC 0131 §Access

    /// <summary>Makes the directories that modules write to, unless something else is in their place.</summary>
    public static void Prepare(IFileTree files, PhaseEnvironment environment)
    {
        var owner = new Owner(environment.User.UserId, environment.User.GroupId);
        string[] directories = [environment.LayersDirectory, environment.LayersDirectory + "/tracing", environment.LayersDirectory + "/tracing/buildpacks", environment.LayersDirectory + "/tracing/extensions"];
        foreach (var directory in directories)
        {
            if (files.Stat(directory, followLinks: false) is { IsDirectory: false })
                return;
            files.CreateDirectory(directory, GroupWritable, owner);
        }
    }

    /// <summary>The file of a module and a phase: <c>tracing/buildpacks/id@version-phase.jsonl</c>, with '_' for '/' as in the names of layers directories; null when there is none.</summary>
    public static Stream? Open(IFileTree files, PhaseEnvironment environment, ModuleKind kind, string id, string version, string phase)
    {
        var path = environment.LayersDirectory;
        foreach (var part in new[] { "tracing", kind == ModuleKind.Buildpack ? "buildpacks" : "extensions" })
        {
            path += "/" + part;
            if (files.Stat(path, followLinks: false) is not { IsDirectory: true })
                return null;
        }
        path += $"/{id.Replace('/', '_')}@{version}-{phase}.jsonl";
        return files.Stat(path, followLinks: false) is { IsFile: true } ? files.OpenRead(path) : null;
    }
}
