using Grid.Oci.Content;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>A worker that another test starts as a process of its own and kills in the middle of its work.</summary>
public sealed class CrashingProcess
{
    internal const string Variable = "GRID_TEST_CRASHING_PROCESS";

    /// <summary>The command line that runs just this, given the test program's own.</summary>
    internal static string[] Arguments => ["-method", $"*.{nameof(CrashingProcess)}.{nameof(RunUntilKilled)}", "-explicit", "only", "-noColor"];

    internal static string Describe(string state, string content, string group, string runtime, string marker) => string.Join('|', state, content, group, runtime, marker);

    [Fact(Explicit = true)]
    public async Task RunUntilKilled()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split('|') is not [var state, var content, var group, var name, var marker])
        {
            Assert.Skip("only as a process of another test");
            return;
        }
        var runtime = new OciSandboxRuntime(new OciRuntimeOptions { StateDirectory = state, ControlGroup = group, Runtime = name }, new ContentStore(content));
        var sandbox = await runtime.CreateAsync(new SandboxSpec("crash", [BaseImage.Layer], BaseImage.Store), CancellationToken.None);
        // "running" is said when the background process has really become what the test looks for.
        string[] command = ["/bin/sh", "-c", $"sleep {marker} & until read -r name </proc/$!/comm && [ $name = sleep ]; do :; done; echo running; wait"];
        await sandbox.RunAsync(new ProcessSpec(command, ["PATH=/bin"], "/", new ProcessUser(0, 0)) { Output = new ToStandardOutput() }, CancellationToken.None);
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
