using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Lifecycle;

/// <summary>
/// What a platform gives phases: containers of an image, with volumes that live from phase to phase. A container is a root of the image's files under a writable layer, entered
/// by chroot in a mount namespace of its own; Grid and the libraries it needs are mounted into it, links with the phases' names are in /cnb/lifecycle.
/// </summary>
public sealed class PhaseContainer
{
    private readonly string[] _volumes = ["layers", "workspace", "platform", "kaniko"];
    private static readonly string[] Phases = ["analyzer", "detector", "restorer", "extender", "builder", "exporter", "creator", "rebaser", "launcher"];
    private readonly string _images;
    private readonly string _place;
    private readonly string _program;

    // What Grid needs of this machine: over the few libraries of a tiny image, or beside those of a whole one.
    private readonly (string Path, string Source)[] _libraries = [("usr/lib", "/usr/lib"), ("usr/lib64", "/usr/lib64")];
    private readonly string _libraryPath = "";

    /// <param name="imageRoot">The image's files.</param>
    /// <param name="place">Where volumes and containers are kept.</param>
    /// <param name="withBuilder">Whether /cnb and a cache are volumes too; without, the container is of a plain image, as for an extender of the run image.</param>
    public PhaseContainer(string imageRoot, string place, bool withBuilder = true)
    {
        (_images, _place, _program) = (imageRoot, place, withBuilder ? "/cnb/lifecycle/" : "/grid/grid lifecycle ");
        if (withBuilder)
            _volumes = [.. _volumes, "cache", "cnb"];
        foreach (var volume in _volumes)
            Directory.CreateDirectory(At(volume));
        if (!withBuilder)
        {
            (_libraries, _libraryPath) = ([("libraries", Directory.GetDirectories("/usr/lib", "*-linux-gnu").Single())], "LD_LIBRARY_PATH=/libraries");
            return;
        }
        Directory.CreateDirectory(At("cnb/lifecycle"));
        foreach (var phase in Phases)
            File.CreateSymbolicLink(At("cnb/lifecycle/" + phase), "/grid/grid");
    }

    /// <summary>More variables of phases, without blanks.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>A path in the volumes on this machine.</summary>
    public string At(string path) => Path.Combine(_place, "volumes", path);

    public PhaseContainer Write(string path, string text, bool executable = false)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
        if (executable)
            File.SetUnixFileMode(At(path), (UnixFileMode)0b111_101_101);
        return this;
    }

    /// <summary>A module with its scripts.</summary>
    public PhaseContainer Module(string kind, string id, params (string Program, string Script)[] scripts)
    {
        var directory = $"cnb/{kind}s/{id}/1";
        Write($"{directory}/{kind}.toml", $"api = \"0.10\"\n[{kind}]\nid = \"{id}\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n");
        foreach (var (program, script) in scripts)
            Write($"{directory}/bin/{program}", "#!/bin/sh\nset -e\n" + script + "\n", executable: true);
        return this;
    }

    /// <summary>Empties the layers volume, as a platform does between builds.</summary>
    public async Task NewBuildAsync()
    {
        await Tool.RunAsync("rm", "-rf", At("layers"), Path.Combine(_place, "containers"));
        Directory.CreateDirectory(At("layers"));
        await Tool.RunAsync("chown", "-R", $"{TinyImages.UserId}:{TinyImages.UserId}", At("layers"), At("workspace"));
    }

    /// <summary>Runs a phase in a container of its own (or one that was used before), as a user.</summary>
    public Task<ToolResult> RunAsync(string phase, int user, string container, params string[] arguments)
    {
        var own = Directory.CreateDirectory(Path.Combine(_place, "containers", container));
        foreach (var directory in new[] { "upper", "work", "root" })
            own.CreateSubdirectory(directory);
        var root = own.FullName + "/root";
        var grid = Path.GetDirectoryName(TestMachine.Executable)!;
        string[] mounts =
        [
            "mount --make-rprivate /",
            $"mount -t overlay overlay -o lowerdir={_images},upperdir={own.FullName}/upper,workdir={own.FullName}/work {root}",
            .. _volumes.Select(v => $"mkdir -p {root}/{v}; mount --bind {At(v)} {root}/{v}"),
            .. _libraries.Append(("grid", grid)).Append(("dotnet", DotNetRoot))
                .Select(m => $"[ ! -e {m.Item2} ] || {{ mkdir -p {root}/{m.Item1}; mount --rbind {m.Item2} {root}/{m.Item1}; }}"),
            // Engines mount one of their own.
            $"echo 127.0.0.1 localhost >{own.FullName}/hosts; touch {root}/etc/hosts; mount --bind {own.FullName}/hosts {root}/etc/hosts",
            $"mkdir -p {root}/proc {root}/dev; mount -t proc proc {root}/proc; mount --rbind /dev {root}/dev",
        ];
        var start = $"exec chroot --userspec={user}:{user} --groups= {root} /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root DOTNET_ROOT=/dotnet {_libraryPath} {string.Join(' ', Variables.Select(v => $"{v.Key}={v.Value}"))} CNB_PLATFORM_API=0.13 "
            + $"CNB_USER_ID={TinyImages.UserId} CNB_GROUP_ID={TinyImages.UserId} {_program}{phase} \"$@\"";
        return Tool.TryAsync("unshare", ["--mount", "--pid", "--fork", "sh", "-ec", string.Join('\n', mounts) + "\n" + start, phase, .. arguments]);
    }

    private static string DotNetRoot => new DirectoryInfo(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory()).Parent!.Parent!.Parent!.FullName;
}
