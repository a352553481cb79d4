using System.Runtime.CompilerServices;
using Grid.Oci.Content;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>The test program started again as a worker that is killed in the middle of a process.</summary>
internal static class CrashingProcess
{
    public const string Variable = "GRID_TEST_CRASHING_PROCESS";

#pragma warning disable CA2255 // The test runner owns Main; this is the only place before it.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void RunWhenAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text)
            RunAsync(text.Split('|')).GetAwaiter().GetResult();
    }

    private static async Task RunAsync(string[] arguments)
    {
        var options = new OciRuntimeOptions { StateDirectory = arguments[0], ControlGroup = arguments[2], Runtime = arguments[3] };
        var runtime = new OciSandboxRuntime(options, new ContentStore(arguments[1]));
        var sandbox = await runtime.CreateAsync(new SandboxSpec("crash", [BaseImage.Layer], BaseImage.Store), CancellationToken.None);
        var process = new ProcessSpec(["/bin/sh", "-c", $"echo running; sleep {arguments[4]} & sleep {arguments[4]}"], ["PATH=/bin"], "/", new ProcessUser(0, 0)) { Output = new ToConsole() };
        await sandbox.RunAsync(process, CancellationToken.None);
    }

    private sealed class ToConsole : IProcessOutput
    {
        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
            using var output = Console.OpenStandardOutput();
            output.Write(bytes);
        }
    }
}
