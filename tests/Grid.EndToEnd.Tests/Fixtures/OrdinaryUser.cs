using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>A user of this machine with subordinate ids, for one test.</summary>
public sealed class OrdinaryUser : IAsyncDisposable
{
    private readonly string _name;

    private OrdinaryUser(string name) => _name = name;

    /// <summary>Makes one, or skips the test where that cannot be.</summary>
    public static async Task<OrdinaryUser> CreateAsync(TestMachine machine)
    {
        TestMachine.Require();
        var user = new OrdinaryUser($"grid-e2e-{Guid.NewGuid().ToString("n")[..8]}");
        if (!TestMachine.IsInstalled("newuidmap") || (await Tool.TryAsync("useradd", "--create-home", user._name)).ExitCode != 0)
            Assert.Skip("no user with subordinate ids can be made here");
        if ((await Tool.TryAsync("su", user._name, "--command", $"test -x {TestMachine.Executable} -a -r {machine.Launcher}")).ExitCode != 0)
        {
            await user.DisposeAsync();
            Assert.Skip($"an ordinary user may not read {TestMachine.Executable}");
        }
        return user;
    }

    /// <summary>Starts <c>grid build --json</c> of a bench's app as this user, in its home directory.</summary>
    public Process Start(Workbench bench, params string[] flags)
    {
        var builder = bench.Builder.Write();
        using (var chmod = Process.Start("chmod", ["--recursive", "a+rX", bench.Machine.Scratch]))
            chmod.WaitForExit();
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        var command = $"cd && DOTNET_ROOT={dotnet} GRID_LAUNCHER={bench.Machine.Launcher} exec {TestMachine.Executable} build {bench.App} --builder {builder} "
            + $"--image test/app --output oci:images:app --json --sandbox oci {string.Join(' ', flags)}";
        return Tool.Start("su", ["--login", "--shell", "/bin/sh", _name, "--command", command], new Dictionary<string, string?>());
    }

    /// <summary>Process ids of what goes on running as this user. What has been killed, or has lost who it worked for, ends a moment later.</summary>
    public async Task<string> LeftRunningAsync()
    {
        for (var patience = Stopwatch.StartNew(); ; await Task.Delay(20))
        {
            var running = await ProcessesAsync();
            if (running.Length == 0 || patience.Elapsed > TimeSpan.FromMinutes(1))
                return running;
        }
    }

    /// <summary>Process ids of what runs as this user. A process that ended and waits for the machine's first process to notice runs no more; it can be seconds.</summary>
    private async Task<string> ProcessesAsync() => (await Tool.TryAsync("pgrep", "--uid", _name, "--runstates", "DRSTt")).Output.Trim();

    /// <summary>The process that <c>su</c> started. Not the user's oldest: ids of users are given out again, and a process of the one before may still be in the table.</summary>
    public static async Task<string> GridOfAsync(Process su) => (await Tool.RunAsync("pgrep", "--parent", $"{su.Id}")).Trim();

    public async ValueTask DisposeAsync()
    {
        // What still runs could write where the home directory is being removed.
        await LeftRunningAsync();
        await Tool.RunAsync("userdel", "--remove", "--force", _name);
    }
}
