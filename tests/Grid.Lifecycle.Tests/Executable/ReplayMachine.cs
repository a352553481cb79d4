using System.Text;
using Grid.Lifecycle.Tests.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>The builder container of the recorded builds: a directory with the recorded input at its places, in which phases are called one by one.</summary>
internal sealed class ReplayMachine : IAsyncDisposable
{
    private readonly ChrootSandbox _sandbox = new(Directory.CreateTempSubdirectory("grid-replay-").FullName);
    private readonly RecordedImages _recorded;
    private readonly string _order;

    public ReplayMachine(RecordedImages recorded, string order = "order.toml")
    {
        (_recorded, _order) = (recorded, order);
        Files.CreateDirectory("/cache", 0x1ED, Owner);
        Write("/cnb/lifecycle/launcher", "not really a launcher\n");
        Write("/cnb/order.toml", recorded.Read("input/" + _order));
        Write("/cnb/run.toml", recorded.Read("input/run.toml"));
        Copy("buildpacks", "/cnb/buildpacks", default);
        Copy("extensions", "/cnb/extensions", default);
        Copy("platform", "/platform", default);
        Reset();
    }

    public static Owner Owner { get; } = new(1001, 1001);

    public string Root => _sandbox.Root;

    public IFileTree Files => _sandbox.Files;

    /// <summary>CNB_PLATFORM_API.</summary>
    public string PlatformApi { get; init; } = "0.13";

    /// <summary>Variables besides the builder image's.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Makes app and layers directory new; the cache stays.</summary>
    public void Reset()
    {
        Files.Delete("/workspace");
        Files.Delete("/layers");
        Copy("app", "/workspace", Owner);
        // What a checkout does not keep.
        Files.CreateDirectory("/workspace/emptydir", 0x1ED, Owner);
        Files.CreateSymbolicLink("/workspace/link", "index.html", Owner);
        Files.CreateDirectory("/layers", 0x1ED, Owner);
    }

    /// <summary>Calls a phase; detector and builder as the build's user, all others as root.</summary>
    public Task<(int ExitCode, string Output)> RunAsync(string phase, params IEnumerable<string> arguments)
    {
        var isUser = phase is "detector" or "builder";
        string[] environment =
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CNB_STACK_ID=ref.bookworm", "CNB_USER_ID=1001", "CNB_GROUP_ID=1001", "OTHER=hidden",
            isUser ? "HOME=/home/cnb" : "HOME=/root", "CNB_PLATFORM_API=" + PlatformApi, .. Environment,
        ];
        return GridProgram.RunAsync(Root, isUser ? "1001:1001" : "0:0", environment, arguments.Prepend(phase));
    }

    /// <summary>Calls a phase that has to succeed, and gives its output.</summary>
    public async Task<string> CallAsync(string phase, params IEnumerable<string> arguments)
    {
        var (exitCode, output) = await RunAsync(phase, arguments);
        exitCode.ShouldBe(0, $"{phase}: {output}");
        return output;
    }

    public string Read(string path) => File.ReadAllText(Root + path);

    public void Write(string path, string text, Owner? owner = null)
    {
        Files.CreateDirectory(Path.GetDirectoryName(path)!, 0x1ED);
        Files.WriteFile(path, Encoding.UTF8.GetBytes(text), 0x1A4, owner);
    }

    /// <summary>Kind, mode, owner, size, path and link of everything below the layers directory, as the recording lists it; sizes of directories depend on the disk.</summary>
    public List<string> Layers()
    {
        var lines = new List<string>();
        foreach (var (path, entry) in ((RootedDirectory)Files).Walk("/layers").Prepend(("/layers", Files.Stat("/layers")!)))
        {
            var kind = entry.Kind switch { FileKind.Directory => "d", FileKind.SymbolicLink => "l", _ => "f" };
            var size = entry.IsDirectory ? "" : $"{(entry.Kind == FileKind.SymbolicLink ? entry.LinkTarget!.Length : entry.Size)} ";
            lines.Add($"{kind} {Convert.ToString(entry.Mode, 8)} {entry.Owner.UserId}:{entry.Owner.GroupId} {size}.{path["/layers".Length..]} -> {entry.LinkTarget}");
        }
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    /// <summary>Size and path of the cache's files.</summary>
    public List<string> Cache() =>
        [.. ((RootedDirectory)Files).Walk("/cache").Where(item => item.Entry.IsFile).Select(item => $"{item.Entry.Size} .{item.Path["/cache".Length..]}").Order(StringComparer.Ordinal)];

    public ValueTask DisposeAsync() => _sandbox.DisposeAsync();

    private void Copy(string from, string to, Owner owner)
    {
        Files.CreateDirectory(to, 0x1ED, owner);
        var source = new RootedDirectory(Path.Combine(GoldenBuild.Golden, "input"));
        foreach (var (path, entry) in source.Walk("/" + from))
        {
            var target = to + path[(from.Length + 1)..];
            if (entry.IsDirectory)
                Files.CreateDirectory(target, 0x1ED, owner);
            else
                Files.WriteFile(target, File.ReadAllBytes(source.HostDirectory + path), entry.IsExecutable ? 0x1ED : 0x1A4, owner);
        }
        Files.ChangeOwner(to, owner, recursive: true);
    }
}
