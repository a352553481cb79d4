using System.Diagnostics;
using System.Text;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>A <c>grid serve</c> that is killed, stopped and started again on the same data.</summary>
internal sealed class ChaosNode(Workbench bench, string name, IReadOnlyList<string> enter, IReadOnlyList<string> flags) : IAsyncDisposable
{
    private readonly StringBuilder _log = new();
    private volatile Process? _process;
    private Task _reading = Task.CompletedTask;
    private volatile Uri? _address;

    public string Name => name;

    public string Data { get; } = Path.Combine(bench.Root, "node-" + name);

    /// <summary>Where its API is; null while it does not run.</summary>
    public Uri? Address => _process is { HasExited: false } ? _address : null;

    /// <summary>Whether it ended although nobody wanted it to.</summary>
    public bool HasGivenUp => _address is not null && _process is { HasExited: true };

    /// <summary>What it printed in all its lives.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>A build's source on this node.</summary>
    public string Workspace(AcceptedBuild build) => Path.Combine(Data, "builds", Uri.EscapeDataString($"{build.Source.Tenant}/{build.Id}"), "workspace");

    /// <summary>Lets a build's buildpack go on that is held here.</summary>
    public void LetGo(AcceptedBuild build) => File.WriteAllText(Path.Combine(Workspace(build), ChaosBuilder.Go), "");

    /// <summary>Whether there is a sandbox whose handle has a text in it.</summary>
    public bool HasSandbox(string part) => Path.Combine(Data, "sandbox", "sandboxes") is var sandboxes && Directory.Exists(sandboxes)
        && Directory.EnumerateDirectories(sandboxes).Any(s => Path.GetFileName(s).Contains(part, StringComparison.Ordinal));

    /// <summary>Starts it, again when it gives up: as a service manager does. Returns when it belongs to the cluster.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        while (!await TryStartAsync(cancellationToken))
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
    }

    /// <summary>Ends it without a word.</summary>
    public async Task KillAsync()
    {
        _address = null;
        _process!.Kill();
        await EndedAsync(_process);
    }

    /// <summary>Asks it to stop; gives its exit code.</summary>
    public async Task<int> StopAsync()
    {
        _address = null;
        var process = _process!;
        await SignalAsync("TERM");
        return await EndedAsync(process);
    }

    /// <summary>Sends it a signal.</summary>
    public async Task SignalAsync(string signal)
    {
        Note($"SIG{signal}");
        using var kill = Process.Start("kill", ["-" + signal, $"{_process!.Id}"]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            process.Kill(entireProcessTree: true);
            await EndedAsync(process);
        }
    }

    private async Task<bool> TryStartAsync(CancellationToken cancellationToken)
    {
        if (HasGivenUp)
            await EndedAsync(_process!);
        var ready = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = bench.StartIn(enter, ["serve", "--node-name", name, "--data-dir", Data, .. flags]);
        _process = process;
        Note($"started as {process.Id}");
        _reading = Task.WhenAll(ReadAsync(process.StandardError, _ => { }), ReadAsync(process.StandardOutput, line =>
        {
            if (line.Contains("is ready", StringComparison.Ordinal))
                ready.TrySetResult(new Uri(line[(line.LastIndexOf(' ') + 1)..]));
        }));
        if (await Task.WhenAny(ready.Task, process.WaitForExitAsync(cancellationToken)) == ready.Task)
        {
            _address = await ready.Task;
            return true;
        }
        cancellationToken.ThrowIfCancellationRequested();
        await EndedAsync(process);
        return false;
    }

    private async Task<int> EndedAsync(Process process)
    {
        await process.WaitForExitAsync();
        await _reading;
        _process = null;
        var code = process.ExitCode;
        process.Dispose();
        Note($"ended with {code}");
        return code;
    }

    private async Task ReadAsync(StreamReader stream, Action<string> see)
    {
        while (await stream.ReadLineAsync() is { } line)
        {
            Note(line);
            see(line);
        }
    }

    private void Note(string line)
    {
        lock (_log)
            _log.Append(TimeProvider.System.GetUtcNow().ToString("HH:mm:ss.fff", null)).Append(' ').Append(name).Append(": ").AppendLine(line);
    }
}
