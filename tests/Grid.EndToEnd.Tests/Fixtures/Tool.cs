using System.Diagnostics;
using System.Text;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>How a program ended.</summary>
public sealed record ToolResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n--- output\n{Output}\n--- errors\n{Error}";
}

/// <summary>Runs programs of this machine.</summary>
public static class Tool
{
    /// <summary>Runs a program that has to succeed and gives its output.</summary>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var result = await TryAsync(program, arguments);
        result.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', arguments)}: {result}");
        return result.Output;
    }

    public static async Task<ToolResult> TryAsync(string program, params string[] arguments)
    {
        using var process = Start(program, arguments, new Dictionary<string, string?>());
        return await EndAsync(process);
    }

    /// <summary>Starts a program with more variables (null takes one away); its streams are to be read by <see cref="EndAsync"/>.</summary>
    public static Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?> environment)
    {
        // env replaces itself by the program. A shell that runs the tests in the background has SIGINT ignored, which would be handed down.
        var start = new ProcessStartInfo("/usr/bin/env")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = new UTF8Encoding(false),
        };
        foreach (var argument in (IEnumerable<string>)["--default-signal=INT,QUIT", program, .. arguments])
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment)
        {
            start.Environment.Remove(name);
            if (value is not null)
                start.Environment[name] = value;
        }
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        process.StandardInput.Close();
        return process;
    }

    public static async Task<ToolResult> EndAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(15));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException e)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)} did not end within fifteen minutes\n{await output}\n{await error}", e);
        }
        return new ToolResult(process.ExitCode, await output, await error);
    }
}
