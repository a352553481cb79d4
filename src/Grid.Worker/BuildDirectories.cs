using System.Text;
using Grid.Lifecycle;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>The directories builds have on this node while they run: <c>workspace</c>, <c>layers</c> and <c>platform</c> of each.</summary>
public sealed class BuildDirectories(WorkerOptions options)
{
    /// <summary>The build's directory, made when missing.</summary>
    public BuildDirectory Open(string buildKey)
    {
        var path = PathOf(buildKey);
        Directory.CreateDirectory(path);
        return new BuildDirectory(path);
    }

    /// <summary>Removes a build's directory.</summary>
    public void Delete(string buildKey) => Files.Delete("/" + NameOf(buildKey));

    /// <summary>Removes what builds of an earlier process left, but for some of them.</summary>
    public void DeleteAllBut(IReadOnlyCollection<string> buildKeys)
    {
        var kept = buildKeys.Select(NameOf).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in Files.List("/").Where(entry => !kept.Contains(entry.Name)))
            Files.Delete("/" + entry.Name);
    }

    private RootedDirectory Files
    {
        get
        {
            Directory.CreateDirectory(options.BuildsDirectory);
            return new RootedDirectory(options.BuildsDirectory);
        }
    }

    private string PathOf(string buildKey) => Path.Combine(options.BuildsDirectory, NameOf(buildKey));

    private static string NameOf(string buildKey) => Uri.EscapeDataString(buildKey);
}

/// <summary>One build's directories on this node.</summary>
/// <param name="Path">Absolute path on the host.</param>
public sealed record BuildDirectory(string Path)
{
    public string Workspace => System.IO.Path.Combine(Path, "workspace");

    public string Layers => System.IO.Path.Combine(Path, "layers");

    public string Platform => System.IO.Path.Combine(Path, "platform");

    /// <summary>Unpacked build contexts of Dockerfiles.</summary>
    public string Contexts => System.IO.Path.Combine(Path, "contexts");

    /// <summary>The same directories as a tree in which they stand where a sandbox has them: <c>/workspace</c>, <c>/layers</c>, <c>/platform</c>.</summary>
    public RootedDirectory Files() => new(Path);

    /// <summary>Removes what phases worked in, so that they begin anew. Contexts of steps stay.</summary>
    public void Reset()
    {
        foreach (var name in new[] { "/layers", "/workspace", "/platform" })
            Files().Delete(name);
    }

    /// <summary>Lays out source and platform directories for the CNB user, unless that has been done before.</summary>
    public async Task PrepareAsync(ContentStore content, Layer source, ProcessUser user, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var owner = new Owner(user.UserId, user.GroupId);
        var files = Files();
        files.CreateDirectory("/layers", 0b111_101_101, owner);
        if (files.Stat("/platform") is null)
        {
            files.CreateDirectory("/platform/env", 0b111_101_101);
            files.CreateDirectory("/platform/bindings", 0b111_101_101);
            foreach (var (name, value) in environment)
                files.WriteFile("/platform/env/" + name, Encoding.UTF8.GetBytes(value), 0b110_100_100);
        }
        if (files.Stat("/workspace") is null)
        {
            var unfinished = Workspace + ".unpacking";
            files.Delete("/workspace.unpacking");
            Directory.CreateDirectory(unfinished);
            await SourceArchive.UnpackAsync(content, source, unfinished, owner, new LayerLimits(), cancellationToken);
            files.ChangeOwner("/workspace.unpacking", owner, recursive: false);
            files.Rename("/workspace.unpacking", "/workspace");
        }
    }

    /// <summary>The directories as volumes of a sandbox, at the places the phase expects them.</summary>
    public IReadOnlyList<Volume> Volumes(PhaseEnvironment environment, bool appReadOnly) =>
    [
        new(Workspace, environment.AppDirectory, appReadOnly),
        new(Layers, environment.LayersDirectory),
        new(Platform, environment.PlatformDirectory, ReadOnly: true),
    ];

    /// <summary>A handle for sandboxes of this build: letters, digits and '-', and a digest so that no two works share one.</summary>
    public static string SandboxHandle(string workHandle)
    {
        var name = new StringBuilder(workHandle.Length);
        foreach (var c in workHandle)
            name.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        return $"{name}-{Digest.Compute(Encoding.UTF8.GetBytes(workHandle)).Hex[..8]}";
    }
}
