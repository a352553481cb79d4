using System.Diagnostics;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary>
/// A Docker engine of the benchmark's own, in a network namespace of its own and with its data on the benchmark's file system. An engine that runs
/// already is not touched.
/// </summary>
internal sealed class DockerDaemon : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Process _process;
    private readonly EngineNetwork _network;
    private readonly string _run;

    private DockerDaemon(Process process, EngineNetwork network, string run) => (_process, _network, _run) = (process, network, run);

    /// <summary>Debian's client speaks to BuildKit without the buildx plug-in, which newer clients want.</summary>
    public static string Client => File.Exists("/usr/bin/docker") ? "/usr/bin/docker" : "docker";

    public string Host => $"unix://{_run}/docker.sock";

    public static async Task<DockerDaemon> StartAsync(string store, Inputs inputs, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateDirectory(Path.Combine(store, "docker")).FullName;
        // Paths of sockets are short.
        var run = Directory.CreateTempSubdirectory("grid-bench-").FullName;
        var network = await EngineNetwork.CreateAsync(cancellationToken);
        string[] arguments =
        [
            "-c", "exec nsenter --net=\"$NAMESPACE\" dockerd \"$@\" >\"$0\" 2>&1", Path.Combine(directory, "log"),
            "--host", $"unix://{run}/docker.sock", "--data-root", Path.Combine(directory, "data"), "--exec-root", Path.Combine(run, "exec"),
            "--pidfile", Path.Combine(run, "pid"), "--mtu", network.Mtu, "--log-level", "error",
        ];
        var info = new ProcessStartInfo("sh", arguments);
        info.Environment["NAMESPACE"] = EngineNetwork.Namespace;
        var daemon = new DockerDaemon(Tool.Start(info), network, run);
        try
        {
            await daemon.WaitAsync(Path.Combine(directory, "log"), cancellationToken);
            foreach (var kind in new[] { "build", "run" })
                await Tool.RunAsync("skopeo",
                    ["copy", "-q", "--insecure-policy", "--dest-daemon-host", daemon.Host, $"oci:{inputs.BaseLayout}:{kind}", $"docker-daemon:{DockerBuilder.Base(kind)}"], cancellationToken);
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
        // A network namespace's file stays mounted when the engine ends.
        await Tool.RunAsync("sh", ["-c", "for m in $(awk -v d=\"$0/\" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo); do umount \"$m\"; done; rm -rf \"$0\"", _run], CancellationToken.None);
        await _network.DisposeAsync();
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
