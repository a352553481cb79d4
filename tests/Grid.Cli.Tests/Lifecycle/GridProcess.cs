using System.Diagnostics;

namespace Grid.Cli.Tests.Lifecycle;

/// <summary>How a run of the executable ended.</summary>
internal sealed record GridResult(int ExitCode, string Output, string Error);

/// <summary>Runs the <c>grid</c> executable that was built with the tests, as platforms do.</summary>
internal static class GridProcess
{
    /// <summary>The executable.</summary>
    public static string Path { get; } = System.IO.Path.Combine(
        new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.FullName, "Grid.Cli", new DirectoryInfo(AppContext.BaseDirectory).Name, "grid");

    /// <summary>Skips the running test where a process cannot be given to another user.</summary>
    public static void SkipUnlessUsable() =>
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"), "needs root and setpriv to run a phase as another user");

    /// <summary>Runs a program with exactly this environment, as a user.</summary>
    public static async Task<GridResult> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, int user, string directory)
    {
        var start = new ProcessStartInfo(user == 0 ? program : "/usr/bin/setpriv")
        {
            UseShellExecute = false, WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        if (user != 0)
        {
            foreach (var argument in (string[])[$"--reuid={user}", $"--regid={user}", "--clear-groups", program])
                start.ArgumentList.Add(argument);
        }
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        // Where this machine's runtime is, when it is not where an installed one would be.
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { } runtime)
            start.Environment["DOTNET_ROOT"] = runtime;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new GridResult(process.ExitCode, await output, await error);
    }
}
