using System.Diagnostics;
using System.Text.Json;
using Grid.Oci.Content;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>A worker that a test starts as a process of its own, with mounts of its own, and kills while scripts of it run in a sandbox that goes on.</summary>
public sealed class DyingOwner
{
    private const string Variable = "GRID_TEST_DYING_OWNER";

    internal static readonly SandboxIdentity Identity = new("tenant/build", "sha256:work");

    /// <summary>What it is told.</summary>
    internal sealed record Orders(string State, string Content, string Group, string Runtime, string Volume, double OrphanSeconds, string[] Scripts);

    /// <summary>Starts it, reads its output until the sandbox printed a line, and kills it.</summary>
    internal static async Task RunAndKillAsync(Orders orders, string until, CancellationToken stop)
    {
        string[] program = Path.GetFileName(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        string[] command = ["--mount", "--propagation", "slave", Environment.ProcessPath!, .. program, "-method", $"*.{nameof(DyingOwner)}.{nameof(RunUntilKilled)}", "-explicit", "only", "-noColor"];
        var start = new ProcessStartInfo("/usr/bin/unshare", command) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment[Variable] = JsonSerializer.Serialize(orders);
        using var child = Process.Start(start)!;
        string? line;
        do
            line = await child.StandardOutput.ReadLineAsync(stop).AsTask().WaitAsync(TimeSpan.FromMinutes(2), stop);
        while (line is not null && line != until);
        line.ShouldBe(until);
        child.Kill();
        await child.WaitForExitAsync(stop);
    }

    internal static SandboxSpec Spec(string handle, string volume) => new(handle, [BaseImage.Layer], BaseImage.Store)
    {
        Identity = Identity, Volumes = [new Volume(volume, "/volume")],
    };

    internal static ProcessSpec Script(string script, IProcessOutput output) => new(["/bin/sh", "-c", script], ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "/", new ProcessUser(0, 0))
    {
        Output = output, Privileges = Privileges.PackageManager,
    };

    [Fact(Explicit = true)]
    public async Task RunUntilKilled()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } text)
        {
            Assert.Skip("only as a process of another test");
            return;
        }
        var orders = JsonSerializer.Deserialize<Orders>(text)!;
        var runtime = new OciSandboxRuntime(new OciRuntimeOptions
        {
            StateDirectory = orders.State, ControlGroup = orders.Group, Runtime = orders.Runtime, OrphanTime = TimeSpan.FromSeconds(orders.OrphanSeconds),
        }, new ContentStore(orders.Content));
        var sandbox = await runtime.CreateAsync(Spec("survivor", orders.Volume), CancellationToken.None);
        foreach (var script in orders.Scripts)
            await sandbox.RunAsync(Script(script, new ToStandardOutput()), CancellationToken.None);
        await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
    }

    private sealed class ToStandardOutput : IProcessOutput
    {
        private readonly Stream _output = Console.OpenStandardOutput();

        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
            _output.Write(bytes);
            _output.Flush();
        }
    }
}
