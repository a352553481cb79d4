using Grid.Launcher.Tests;

[assembly: AssemblyFixture(typeof(Grid.EndToEnd.Tests.Fixtures.TestMachine))]
// Builds share two cores and measure time: one after the other.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>What all tests share: a scratch directory, the executable, the launcher and the tiny base images. Made when first asked for.</summary>
public sealed class TestMachine : IAsyncDisposable
{
    private static readonly string[] Tools = ["skopeo", "umoci", "docker-registry"];
    private readonly Lazy<string> _launcher;
    private readonly Lazy<Task<TinyImages>> _images;

    public TestMachine()
    {
        Scratch = Directory.CreateTempSubdirectory("grid-e2e-").FullName;
        // Tests of ordinary users go through it to the launcher.
        File.SetUnixFileMode(Scratch, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        _launcher = new Lazy<string>(() => PublishedLauncher.Publish(Directory.CreateDirectory(Path.Combine(Scratch, "launcher")).FullName));
        _images = new Lazy<Task<TinyImages>>(() => TinyImages.CreateAsync(Path.Combine(Scratch, "base")));
    }

    /// <summary>A directory that is removed at the end.</summary>
    public string Scratch { get; }

    /// <summary>The <c>grid</c> executable that was built with the tests.</summary>
    public static string Executable
    {
        get
        {
            // artifacts/bin/<project>/<configuration>
            var own = new DirectoryInfo(AppContext.BaseDirectory);
            return Path.Combine(own.Parent!.Parent!.FullName, "Grid.Cli", own.Name, "grid");
        }
    }

    public static string Repository
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
                directory = directory.Parent;
            return directory?.FullName ?? throw new InvalidOperationException("the tests do not run inside the repository");
        }
    }

    /// <summary>The static launcher for app images.</summary>
    public string Launcher => _launcher.Value;

    /// <summary>Skips the test on a machine that cannot do it.</summary>
    public static void Require()
    {
        if (Environment.UserName != "root")
            Assert.Skip("sandboxes of an OCI runtime need root");
        foreach (var tool in Tools.Append("runc|crun"))
        {
            if (!tool.Split('|').Any(IsInstalled))
                Assert.Skip($"{tool} is not installed");
        }
    }

    public static bool IsInstalled(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(directory => File.Exists(Path.Combine(directory, tool)));

    /// <summary>The build and the run image tests start from.</summary>
    public Task<TinyImages> ImagesAsync() => _images.Value;

    /// <summary>A place of its own for one test: data directory, app, builder.</summary>
    public async Task<Workbench> NewAsync()
    {
        Require();
        return new Workbench(this, await ImagesAsync(), Directory.CreateDirectory(Path.Combine(Scratch, Guid.NewGuid().ToString("N")[..12])).FullName);
    }

    public async ValueTask DisposeAsync()
    {
        // Some of it belongs to other users, none of it is mounted: tests have checked that.
        await Tool.RunAsync("rm", "-rf", "--one-file-system", Scratch);
    }
}
