using System.Diagnostics;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

public sealed class MountNamespaceTests
{
    private const string Variable = "GRID_TEST_ENTER_PRIVATE";

    [Fact]
    public async Task EnterPrivate_StartsTheSameCommandInANamespaceOfItsOwn()
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("needs root to make a mount namespace");
        string[] program = Path.GetFileName(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        string[] arguments = [.. program, "-method", $"*.{nameof(MountNamespaceTests)}.{nameof(EnterAndReport)}", "-explicit", "only", "-noColor"];
        var start = new ProcessStartInfo(Environment.ProcessPath!, arguments) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment[Variable] = "1";
        start.Environment.Remove("GRID_MOUNT_NAMESPACE");
        using var child = Process.Start(start)!;
        var output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        var report = output.Split('\n').Single(line => line.StartsWith("report ", StringComparison.Ordinal)).Split(' ');
        report[1].ShouldBe("True");
        report[2].ShouldBe($"{child.Id}");
        report[3].ShouldNotBe(new FileInfo("/proc/self/ns/mnt").LinkTarget);
        child.ExitCode.ShouldBe(0);
    }

    [Fact(Explicit = true)]
    public void EnterAndReport()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
            Assert.Skip("only as a process of another test");
        MountNamespace.EnterPrivate();
        using var output = Console.OpenStandardOutput();
        var name = new FileInfo("/proc/self/ns/mnt").LinkTarget;
        output.Write(System.Text.Encoding.UTF8.GetBytes($"\nreport {MountNamespace.IsPrivate} {Environment.ProcessId} {name}\n"));
    }
}
