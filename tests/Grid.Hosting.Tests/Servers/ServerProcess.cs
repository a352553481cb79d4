using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Grid.Hosting.Tests.Servers;

/// <summary>A server on a port, of loopback unless another address is asked for, with an empty directory of its own. It can be killed and started again, as machines do.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private readonly string _program;
    private readonly IReadOnlyList<string> _arguments;
    private readonly StringBuilder _log = new();
    private Process? _process;

    private ServerProcess(string program, IReadOnlyList<string> arguments, IPAddress address, int port, string directory) =>
        (_program, _arguments, Address, Port, Dir) = (program, arguments, address, port, directory);

    public IPAddress Address { get; }

    public int Port { get; }

    /// <summary>Where it keeps its data; removed in the end.</summary>
    public string Dir { get; }

    /// <summary>Starts a server and waits until its port answers.</summary>
    public static async Task<ServerProcess> StartAsync(string program, Func<int, string, IReadOnlyList<string>> arguments, IPAddress? address = null)
    {
        var directory = Directory.CreateTempSubdirectory("grid-server-").FullName;
        var port = LoopbackPort.Free();
        var server = new ServerProcess(program, arguments(port, directory), address ?? IPAddress.Loopback, port, directory);
        await server.StartAsync();
        return server;
    }

    /// <summary>Starts it (again), on the same port and directory.</summary>
    public async Task StartAsync()
    {
        var start = new ProcessStartInfo(_program, _arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (!await AnswersAsync(patience.Token))
        {
            process.HasExited.ShouldBeFalse($"{_program} ended at once: {Logged}");
            await Task.Delay(25, patience.Token);
        }
    }

    /// <summary>Kills it without a chance to clean up, unless it is not running.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process)
            return;
        _process = null;
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>Sends it a signal: STOP lets it stand still until CONT.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, $"{_process!.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Asks it to stop and waits until it has.</summary>
    public async Task StopAsync()
    {
        await SignalAsync("TERM");
        await _process!.WaitForExitAsync();
        await KillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        for (var killed = Stopwatch.StartNew(); ;)
        {
            try
            {
                Directory.Delete(Dir, recursive: true);
                return;
            }
            catch (IOException) when (Directory.Exists(Dir) && killed.Elapsed < TimeSpan.FromMinutes(1))
            {
                // Processes of the server's own die a moment after it, in the middle of whatever they write.
                await Task.Delay(20);
            }
        }
    }

    private string Logged
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    private void Log(string? line)
    {
        lock (_log)
            _log.AppendLine(line);
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(Address, Port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
