using System.ComponentModel;
using System.Diagnostics;

namespace Grid.Benchmarks.Workspace;

/// <summary>What a process did and how long it took from the start to its end.</summary>
internal sealed record ToolResult(string Output, DateTimeOffset Started, TimeSpan Elapsed)
{
    public DateTimeOffset Ended => Started + Elapsed;
}

/// <summary>Runs other programs. A program that fails ends the benchmark: a figure of a failed run means nothing.</summary>
internal static class Tool
{
    public static Task<ToolResult> RunAsync(string file, IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        RunAsync(file, arguments, new Dictionary<string, string>(), cancellationToken);

    public static async Task<ToolResult> RunAsync(
        string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo(file, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        var started = TimeProvider.System.GetUtcNow();
        var clock = Stopwatch.GetTimestamp();
        using var process = Start(info);
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            var elapsed = Stopwatch.GetElapsedTime(clock);
            // Ctrl-C reaches the tool as well: that is not its failure.
            cancellationToken.ThrowIfCancellationRequested();
            return process.ExitCode == 0
                ? new ToolResult(await output, started, elapsed)
                : throw new BenchmarkException($"{file} {string.Join(' ', info.ArgumentList)} ended with {process.ExitCode}:\n{Tail(await output)}\n{Tail(await errors)}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    public static Process Start(ProcessStartInfo info)
    {
        try
        {
            return Process.Start(info) ?? throw new BenchmarkException($"{info.FileName} did not start");
        }
        catch (Win32Exception e)
        {
            throw new BenchmarkException($"{info.FileName} cannot be started ({e.Message}): install it, or leave its contender out with --without");
        }
    }

    private static string Tail(string text) => text.Length <= 2000 ? text : "…" + text[^2000..];
}
