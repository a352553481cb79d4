using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Grid.Hosting.Tests.Servers;
using Grid.Oci.Images;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

/// <summary>The reference registry on a free loopback port, with an empty directory of its own.</summary>
internal sealed class RegistryProcess : IAsyncDisposable
{
    public const string User = "canary-user";
    public const string Password = "s3cret-canary";

    // bcrypt of Password, cost 5.
    private const string Hash = "$2b$05$abcdefghijklmnopqrstuullx5kP6GYZcFnepqhmI2H03s5Hsbhlm";

    private readonly TemporaryDirectory _directory = new();
    private readonly Process _process;

    private RegistryProcess(int port, bool auth)
    {
        Host = $"127.0.0.1:{port}";
        var password = _directory["htpasswd"];
        File.WriteAllText(password, $"{User}:{Hash}\n");
        var config = _directory["config.yml"];
        File.WriteAllText(config, $"""
            version: 0.1
            log: ~LEFT~level: error, accesslog: ~LEFT~disabled: true~RIGHT~~RIGHT~
            storage: ~LEFT~filesystem: ~LEFT~rootdirectory: {_directory["data"]}~RIGHT~, delete: ~LEFT~enabled: true~RIGHT~~RIGHT~
            http: ~LEFT~addr: {Host}~RIGHT~
            {(auth ? $"auth: ~LEFT~htpasswd: ~LEFT~realm: test, path: {password}~RIGHT~~RIGHT~" : "")}
            """.Replace("~LEFT~", "{").Replace("~RIGHT~", "}"));
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(ExternalTool.Find("docker-registry")!, ["serve", config])
            {
                UseShellExecute = false,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            },
        };
    }

    /// <summary>host:port.</summary>
    public string Host { get; }

    public static async Task<RegistryProcess> StartAsync(bool auth = false)
    {
        ExternalTool.Require("docker-registry");
        var port = LoopbackPort.Free();
        var registry = new RegistryProcess(port, auth);
        await registry.RunAsync(port);
        return registry;
    }

    public ImageLocation Image(string name) => ImageLocation.Parse($"{Host}/{name}");

    /// <summary>Uploads that were begun and neither finished nor cancelled. (This registry leaves empty directories of those that were.)</summary>
    public int OpenUploads(string repository)
    {
        var directory = Path.Combine(_directory["data"], "docker/registry/v2/repositories", repository, "_uploads");
        return Directory.Exists(directory) ? Directory.GetFiles(directory, "startedat", SearchOption.AllDirectories).Length : 0;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Dispose();
    }

    private async Task RunAsync(int port)
    {
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port, patience.Token);
                return;
            }
            catch (SocketException)
            {
                _process.HasExited.ShouldBeFalse("docker-registry ended at once");
                await Task.Delay(10, patience.Token);
            }
        }
    }
}
