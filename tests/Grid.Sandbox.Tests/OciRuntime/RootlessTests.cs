using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>Starts this test program as an ordinary user, who enters a user namespace as <c>grid build</c> does, and lets the suite run there.</summary>
public sealed partial class RootlessTests
{
    private const string Enter = "GRID_TEST_ENTER_USER_NAMESPACE";

    private const int NotReadable = 97;

    /// <summary>Becomes another user where the tun device is everybody's, as on ordinary machines; in containers it may be root's.</summary>
    private static readonly string[] WithTun = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec \"$@\"", "sh", "su"];

    /// <summary>Before anything else of the program: what comes after is inside.</summary>
    [ModuleInitializer]
    internal static void EnterWhenAsked()
    {
        if (Environment.GetEnvironmentVariable(Enter) is not null)
            MountNamespace.EnterPrivate();
    }

    [Theory]
    [InlineData("runc", typeof(RuncConformance))]
    [InlineData("crun", typeof(CrunConformance))]
    public async Task Suite_AsAnOrdinaryUser_Passes(string runtime, Type suite)
    {
        if (!Environment.IsPrivilegedProcess || UserNamespace.IsInside)
            Assert.Skip("needs root to make an ordinary user");
        var (exitCode, output) = await RunAsUserAsync($"-class {suite.FullName}", ["su"]);
        if (exitCode == NotReadable)
            AdapterReport.Skip($"rootless {runtime}", $"an ordinary user may not read {AppContext.BaseDirectory}");
        var summary = Summary().Match(output);
        summary.Success.ShouldBeTrue(output);
        if (summary.Groups["total"].Value == summary.Groups["skipped"].Value)
            AdapterReport.Skip($"rootless {runtime}", FirstSkip().Match(output).Groups["reason"].Value);
        exitCode.ShouldBe(0, output);
        summary.Groups["skipped"].Value.ShouldBe("0", output);
        AdapterReport.Ran($"rootless {runtime} ({summary.Groups["total"].Value} tests as an ordinary user)");
        TestContext.Current.TestOutputHelper?.WriteLine(summary.Value);
    }

    /// <summary>The host is made as root; what is tested is the network that an ordinary user makes.</summary>
    [Theory]
    [InlineData("runc", typeof(RuncListedNetworkTests))]
    [InlineData("crun", typeof(CrunListedNetworkTests))]
    public async Task Lists_AsAnOrdinaryUser_AreHeld(string runtime, Type suite)
    {
        if (UserNamespace.IsInside)
            Assert.Skip("needs root to make an ordinary user");
        using var host = ForeignHost.Make();
        var (exitCode, output) = await RunAsUserAsync($"-class {suite.FullName}", WithTun, host.Assignment);
        if (exitCode == NotReadable)
            AdapterReport.Skip($"rootless {runtime}", $"an ordinary user may not read {AppContext.BaseDirectory}");
        var summary = Summary().Match(output);
        summary.Success.ShouldBeTrue(output);
        exitCode.ShouldBe(0, output);
        summary.Groups["skipped"].Value.ShouldBe("0", output);
    }

    private static async Task<(int ExitCode, string Output)> RunAsUserAsync(string tests, string[] enter, string variables = "")
    {
        var user = $"grid-test-{Guid.NewGuid().ToString("n")[..8]}";
        await MustAsync("useradd", "--create-home", user);
        try
        {
            var program = Path.GetFileName(Environment.ProcessPath) == "dotnet" ? $"{Environment.ProcessPath} {Environment.GetCommandLineArgs()[0]}" : Environment.ProcessPath!;
            // The build may be where only root may read.
            var script = $"test -r {typeof(RootlessTests).Assembly.Location} || exit {NotReadable}; cd && export DOTNET_CLI_TELEMETRY_OPTOUT=1 {Enter}=1 {variables} && exec {program} {tests} -noColor";
            return await RunAsync(enter[0], [.. enter.Skip(1), "--login", "--shell", "/bin/sh", user, "--command", script]);
        }
        finally
        {
            await MustAsync("userdel", "--remove", "--force", user);
        }
    }

    private static async Task MustAsync(string program, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(program, arguments);
        exitCode.ShouldBe(0, output);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
        await process.WaitForExitAsync(CancellationToken.None);
        return (process.ExitCode, await output + await errors);
    }

    [GeneratedRegex(@"Total: (?<total>\d+), Errors: \d+, Failed: \d+, Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();

    [GeneratedRegex(@"\[SKIP\]\s*(?<reason>[^\n]+)")]
    private static partial Regex FirstSkip();
}
