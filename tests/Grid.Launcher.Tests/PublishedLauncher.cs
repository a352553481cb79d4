using System.Diagnostics;

namespace Grid.Launcher.Tests;

/// <summary>The static binary as images get it, published once for all tests of a process; MSBuild compiles nothing when it is up to date.</summary>
public sealed class PublishedLauncher : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-launcher-").FullName;
    private readonly Lazy<string> _path;

    public PublishedLauncher() => _path = new(() => Publish(_directory));

    public string Path => _path.Value;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>
    /// Publishes it into a directory of the caller's and gives the path of the binary. What others publish from changed sources meanwhile changes nothing there: images
    /// that are made in one run have one launcher.
    /// </summary>
    public static string Publish(string directory)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(System.IO.Path.Combine(root.FullName, "Grid.sln")))
            root = root.Parent;
        if (root is null)
            Assert.Skip("the tests do not run inside the repository: the launcher cannot be published");
        using var alone = Lock(System.IO.Path.Combine(root.FullName, "artifacts", "tests"));
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = root.FullName,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // No compile server: one that starts here would inherit our pipes and hold them open for minutes after the end.
            ArgumentList = { "publish", "src/Grid.Launcher", "-c", "Release", "--use-current-runtime", "-o", directory, "-nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false" },
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        using var publish = Process.Start(start)!;
        var errors = publish.StandardError.ReadToEndAsync();
        var log = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        publish.ExitCode.ShouldBe(0, log + errors.Result);
        return System.IO.Path.Combine(directory, "launcher");
    }

    /// <summary>One process at a time compiles it.</summary>
    private static FileStream Lock(string directory)
    {
        Directory.CreateDirectory(directory);
        while (true)
        {
            try
            {
                return new FileStream(System.IO.Path.Combine(directory, "launcher.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                // Another one does just now.
                Thread.Sleep(100);
            }
        }
    }
}
