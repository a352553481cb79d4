using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Grid.Benchmarks.Workspace;

/// <summary>A docker-registry of the benchmark's own, on a free port of the loopback interface.</summary>
internal sealed class RegistryServer : IAsyncDisposable
{
    private readonly Process _process;

    private RegistryServer(Process process, string host) => (_process, Host) = (process, host);

    /// <summary>host:port.</summary>
    public string Host { get; }

    public static async Task<RegistryServer> StartAsync(string directory, CancellationToken cancellationToken)
    {
        var port = FreePort();
        Directory.CreateDirectory(directory);
        var config = Path.Combine(directory, "config.yml");
        await File.WriteAllTextAsync(config, $$$$"""
            version: 0.1
            log: {level: error, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: {{{{directory}}}}/data}}
            http: {addr: 127.0.0.1:{{{{port}}}}}
            """, cancellationToken);
        var process = Tool.Start(new ProcessStartInfo("docker-registry", ["serve", config]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true });
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var server = new RegistryServer(process, $"127.0.0.1:{port}");
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                return server;
            }
            catch (SocketException) when (!process.HasExited)
            {
                await Task.Delay(20, cancellationToken);
            }
        }
    }

    /// <summary>A port of the loopback interface that nobody listens on.</summary>
    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
