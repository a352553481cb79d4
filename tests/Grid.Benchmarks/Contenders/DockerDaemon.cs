using System.Diagnostics;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary>
/// A Docker engine of the benchmark's own, with its data on the benchmark's file system. It gets a bridge of its own: with
/// <c>--bridge none</c> it would remove the bridge of an engine that runs on this machine. It touches no firewall rule; builds use the host's network.
/// </summary>
internal sealed class DockerDaemon : IAsyncDisposable
{
    private const string Bridge = "gridbench0";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Process _process;
    private readonly string _run;

    private DockerDaemon(Process process, string run) => (_process, _run) = (process, run);

    /// <summary>Debian's client speaks to BuildKit without the buildx plug-in, which newer clients want.</summary>
    public static string Client => File.Exists("/usr/bin/docker") ? "/usr/bin/docker" : "docker";

    public string Host => $"unix://{_run}/docker.sock";

    public static async Task<DockerDaemon> StartAsync(string store, Inputs inputs, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateDirectory(Path.Combine(store, "docker")).FullName;
        // Paths of sockets are short.
        var run = Directory.CreateTempSubdirectory("grid-bench-").FullName;
        if (!Directory.Exists($"/sys/class/net/{Bridge}"))
            await Tool.RunAsync("ip", ["link", "add", Bridge, "type", "bridge"], cancellationToken);
        await Tool.RunAsync("ip", ["address", "replace", "192.0.2.1/28", "dev", Bridge], cancellationToken);
        string[] arguments =
        [
            "-c", "exec dockerd \"$@\" >\"$0\" 2>&1", Path.Combine(directory, "log"),
            "--host", $"unix://{run}/docker.sock", "--data-root", Path.Combine(directory, "data"), "--exec-root", Path.Combine(run, "exec"),
            "--pidfile", Path.Combine(run, "pid"), "--bridge", Bridge, "--iptables=false", "--ip-forward=false", "--ip-masq=false", "--log-level", "error",
        ];
        var daemon = new DockerDaemon(Tool.Start(new ProcessStartInfo("sh", arguments)), run);
        try
        {
            await daemon.WaitAsync(Path.Combine(directory, "log"), cancellationToken);
            foreach (var kind in new[] { "build", "run" })
                await Tool.RunAsync("skopeo",
                    ["copy", "-q", "--insecure-policy", "--dest-daemon-host", daemon.Host, $"oci:{inputs.BaseLayout}:{kind}", $"docker-daemon:{DockerContender.Base(kind)}"], cancellationToken);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await Tool.RunAsync("kill", ["-TERM", _process.Id.ToString()], CancellationToken.None);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        await Tool.RunAsync("ip", ["link", "delete", Bridge], CancellationToken.None);
        // A network namespace's file stays mounted when the engine ends.
        await Tool.RunAsync("sh", ["-c", "for m in $(awk -v d=\"$0/\" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo); do umount \"$m\"; done; rm -rf \"$0\"", _run], CancellationToken.None);
    }

    private async Task WaitAsync(string log, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.GetTimestamp();
        while (!File.Exists(Path.Combine(_run, "docker.sock")))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(clock) > Patience)
                throw new BenchmarkException($"dockerd does not start (leave it out with --without classic --without buildkit):\n{(File.Exists(log) ? await File.ReadAllTextAsync(log, cancellationToken) : "")}");
            await Task.Delay(50, cancellationToken);
        }
        await Tool.RunAsync(Client, ["--host", Host, "version"], cancellationToken);
    }
}
