using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using Grid.Hosting.Serve;
using Grid.Hosting.Tests.Servers;

namespace Grid.Hosting.Tests.Serve;

/// <summary>A <c>grid serve</c> as its own process, with a directory of its own.</summary>
public sealed class NodeProcess : IAsyncDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly IReadOnlyDictionary<string, string> _variables;
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-node-").FullName;
    private readonly int _port = LoopbackPort.Free();
    private readonly StringBuilder _log = new();
    private Process? _process;

    public NodeProcess(string name, IReadOnlyDictionary<string, string> variables) => (Name, _variables) = (name, variables);

    public string Name { get; }

    /// <summary>What it printed.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Starts it, which returns at once.</summary>
    public void Start(params string[] flags)
    {
        // artifacts/bin/<project>/<configuration>
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var grid = Path.Combine(own.Parent!.Parent!.FullName, "Grid.Cli", own.Name, "grid");
        // A shell that runs the tests in the background has signals ignored, which would be handed down.
        var start = new ProcessStartInfo("/usr/bin/env", ["--default-signal=INT,QUIT", grid, "serve", "--node-name", Name, "--data-dir", Path.Combine(_directory, "data"), "--listen-http-port", $"{_port}",
            "--listen-silo-port", "0", "--listen-gateway-port", "0", .. flags])
        { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var inherited in start.Environment.Keys.Where(k => k.StartsWith("GRID_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(inherited);
        foreach (var (name, value) in _variables)
            start.Environment[name] = value;
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
    }

    /// <summary>Waits until the node is ready and knows exactly these silos as alive.</summary>
    public async Task SeesAsync(params string[] names)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            if (await ReportAsync() is { Status: "ready" } report && report.Silos.SequenceEqual(names.Order(StringComparer.Ordinal)))
                return;
            _process!.HasExited.ShouldBeFalse($"{Name} ended: {Log}");
            if (patience.IsCancellationRequested)
                throw new TimeoutException($"{Name} does not see {string.Join(", ", names)} but {await ReportAsync()}\n{Log}");
            await Task.Delay(50);
        }
    }

    /// <summary>What its health endpoint says; null while nothing answers.</summary>
    public async Task<NodeReport?> ReportAsync()
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri($"http://127.0.0.1:{_port}/health/ready"));
            return await answer.Content.ReadFromJsonAsync<NodeReport>();
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or System.Text.Json.JsonException)
        {
            return null;
        }
    }

    /// <summary>Kills it as a power failure would.</summary>
    public async Task KillAsync()
    {
        _process!.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    /// <summary>Sends SIGTERM and gives the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{_process!.Id}"]))
            await kill.WaitForExitAsync();
        return await EndAsync();
    }

    /// <summary>Waits until it ends by itself and gives the exit code.</summary>
    public async Task<int> EndAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await _process!.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            await KillAsync();
        _process?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Add(string? line)
    {
        lock (_log)
            _log.AppendLine(line);
    }
}
