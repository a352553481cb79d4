using System.Diagnostics;

namespace Grid.Grains.Tests.Contracts;

/// <summary>A node of a test build, which makes the calls it is asked for. It ends with its input, also when these tests are killed.</summary>
internal sealed class BuildProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly Process _process;
    private readonly Task<string> _errors;

    private BuildProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Starts a node of the build <c>Grid.TestBuild.{build}</c>.</summary>
    public static BuildProcess Start(string build, string name, int port, int primary)
    {
        // artifacts/bin/<project>/<configuration>
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var executable = Path.Combine(own.Parent!.Parent!.FullName, $"Grid.TestBuild.{build}", own.Name, "Grid.TestBuild");
        return new BuildProcess(Process.Start(new ProcessStartInfo(executable, [name, $"{port}", $"{primary}"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!);
    }

    /// <summary>Waits until the node knows so many nodes, and their builds.</summary>
    public async Task SeesAsync(int nodes)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await AskAsync("silos") != $"{nodes}")
            await Task.Delay(50, patience.Token);
    }

    /// <summary>Has it make a call and gives the answer. One at a time.</summary>
    public async Task<string> AskAsync(string call)
    {
        await _process.StandardInput.WriteLineAsync(call);
        await _process.StandardInput.FlushAsync();
        return await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience) ?? throw new InvalidOperationException($"the node ended at '{call}': {await _errors}");
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await _process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            throw;
        }
        finally
        {
            _process.Dispose();
        }
    }
}
