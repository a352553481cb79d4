using System.Diagnostics;

namespace Grid.Launcher.Tests;

/// <summary>The static binary as images get it, published once for all tests; MSBuild does nothing when it is up to date.</summary>
public sealed class PublishedLauncher
{
    private readonly Lazy<string> _path = new(Publish);

    public string Path => _path.Value;

    /// <summary>Publishes it and gives the path of the binary.</summary>
    public static string Publish()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(System.IO.Path.Combine(root.FullName, "Grid.sln")))
            root = root.Parent;
        if (root is null)
            Assert.Skip("the tests do not run inside the repository: the launcher cannot be published");
        var output = System.IO.Path.Combine(root.FullName, "artifacts", "tests", "launcher");
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = root.FullName,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // No compile server: one that starts here would inherit our pipes and hold them open for minutes after the end.
            ArgumentList = { "publish", "src/Grid.Launcher", "-c", "Release", "--use-current-runtime", "-o", output, "-nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false" },
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        using var publish = Process.Start(start)!;
        var errors = publish.StandardError.ReadToEndAsync();
        var log = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        publish.ExitCode.ShouldBe(0, log + errors.Result);
        return System.IO.Path.Combine(output, "launcher");
    }
}
