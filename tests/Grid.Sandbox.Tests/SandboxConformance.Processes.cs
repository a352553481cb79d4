using System.Diagnostics;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

public abstract partial class SandboxConformance
{
    [Fact]
    public async Task RunAsync_OutputAndExitCode_ComeBack()
    {
        await using var sandbox = await CreateAsync();
        var (exitCode, output, errors) = await ShellAsync(sandbox, "echo out; echo err >&2; exit 7");
        (exitCode, output, errors).ShouldBe((7, "out\n", "err\n"));
    }

    [Fact]
    public async Task RunAsync_ProcessEndsRightAfterMuchOutput_LosesNothing()
    {
        await using var sandbox = await CreateAsync();
        var output = new Capture();
        await sandbox.RunAsync(new ProcessSpec(["/bin/dd", "if=/dev/zero", "bs=65536", "count=160", "status=none"], [], "/", new ProcessUser(0, 0)) { Output = output }, Stop);
        output.Length.ShouldBe(160 * 65536);
    }

    [Fact]
    public async Task RunAsync_ProcessKillsItself_GivesTheSignal()
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, "perl -e 'kill 9, $$; sleep 9'; exit $?")).ExitCode.ShouldBe(137);
    }

    [Theory]
    [InlineData("no-such-program", 127)]
    [InlineData("/no/such/program", 127)]
    [InlineData("/etc/passwd", 126)]
    public async Task RunAsync_ExecutableCannotRun_AnswersAsAShellWould(string program, int expected)
    {
        await using var sandbox = await CreateAsync();
        var output = new Capture();
        var result = await sandbox.RunAsync(new ProcessSpec([program], ["PATH=/bin"], "/", new ProcessUser(0, 0)) { Output = output }, Stop);
        result.ExitCode.ShouldBe(expected);
        output.Text(true).ShouldContain(program);
    }

    [Fact]
    public async Task RunAsync_ExecutableWithoutSlash_IsFoundOnThePathInside()
    {
        await using var sandbox = await CreateAsync();
        (await sandbox.RunAsync(new ProcessSpec(["true"], ["PATH=/nowhere:/bin"], "/", new ProcessUser(0, 0)), Stop)).ExitCode.ShouldBe(0);
    }

    [Theory]
    [InlineData("/proc/self/fd/7")]
    [InlineData("/data/door")]
    [InlineData("/data/door/7")]
    [InlineData("/etc/passwd")]
    public async Task RunAsync_WorkingDirectoryIsADoorToTheHost_IsRefused(string path)
    {
        await using var sandbox = await CreateAsync();
        await ShellAsync(sandbox, "ln -s /proc/self/fd /data/door");
        (await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "pwd", p => p with { WorkingDirectory = path }))).Message.ShouldContain(path);
    }

    [Fact]
    public async Task RunAsync_WorkingDirectoryIsMissing_IsMade()
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, "pwd", p => p with { WorkingDirectory = "/srv/new" })).Output.ShouldBe("/srv/new\n");
        Paths(await sandbox.CommitAsync(Stop)).ShouldBe(["srv", "srv/new"]);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    public async Task RunAsync_UserThatWraps_IsRefused(int user, int group)
    {
        await using var sandbox = await CreateAsync();
        await Should.ThrowAsync<ArgumentException>(() => ShellAsync(sandbox, "id", p => p with { User = new ProcessUser(user, group) }));
    }

    [Fact]
    public async Task RunAsync_Environment_IsExactlyWhatWasGiven()
    {
        await using var sandbox = await CreateAsync();
        var output = new Capture();
        await sandbox.RunAsync(new ProcessSpec(["/bin/env"], ["A=1", "B=x y"], "/", new ProcessUser(0, 0)) { Output = output }, Stop);
        output.Text(false).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order().Where(v => !v.StartsWith("HOME=", StringComparison.Ordinal)).ShouldBe(["A=1", "B=x y"]);
    }

    [Fact]
    public async Task RunAsync_InputAndDescriptors_AreEmpty()
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, "cat; ls /proc/self/fd | wc -l")).Output.ShouldBe("4\n");
    }

    [Fact]
    public async Task RunAsync_OrdinaryUserWithoutPrivileges_HasNoCapabilitiesAndCannotGainAny()
    {
        await using var sandbox = await CreateAsync();
        var (_, output, _) = await ShellAsync(sandbox, "id -u; id -g; id -G; cat /proc/self/status", p => p with
        {
            User = new ProcessUser(1000, 1000) { SupplementaryGroups = [1000, 2000] }, Privileges = Privileges.None,
        });
        output.ShouldStartWith("1000\n1000\n1000 2000\n");
        foreach (var set in new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" })
            output.ShouldContain($"{set}:\t0000000000000000");
        output.ShouldContain("NoNewPrivs:\t1");
        output.ShouldContain("Seccomp:\t2");
    }

    [Fact]
    public async Task RunAsync_PackageManager_HasDockersCapabilitiesAndNoMore()
    {
        await using var sandbox = await CreateAsync();
        var (_, output, _) = await ShellAsync(sandbox, "cat /proc/self/status; chown 5:6 /data && ls -lnd /data");
        output.ShouldContain("CapEff:\t00000000a80425fb");
        output.ShouldContain("CapBnd:\t00000000a80425fb");
        output.ShouldContain("CapInh:\t0000000000000000");
        output.ShouldContain(" 5 6 ");
    }

    [Theory]
    [InlineData("perl -e 'syscall(272, 0x10000000) == 0 or die qq($!)'", "unshare a user namespace")]
    [InlineData("perl -e 'syscall(165, my $a = qq(none), my $b = qq(/data), my $c = qq(tmpfs), 0, 0) == 0 or die qq($!)'", "mount")]
    [InlineData("mknod /data/disk b 254 0 && dd if=/data/disk of=/dev/null bs=1 count=1", "read a disk through a new node")]
    [InlineData("echo 1 > /proc/sys/kernel/hostname", "write kernel settings")]
    [InlineData("echo b > /proc/sysrq-trigger", "reboot")]
    [InlineData("dd if=/proc/kcore of=/dev/null bs=1 count=1 && test -s /proc/kcore", "read kernel memory")]
    [InlineData("ls /sys/fs/cgroup/*/ && mkdir /sys/fs/cgroup/x", "make control groups")]
    [InlineData("chroot /proc/1/root true && kill -9 2", "kill others")]
    [InlineData("echo evil > /etc/hosts", "write what is ours")]
    [InlineData("perl -e 'socket(my $s, 40, 1, 0) or die qq($!)'", "reach the hypervisor")]
    [InlineData("perl -e 'syscall(321, 0, 0, 0) == 0 or die qq($!)'", "bpf")]
    [InlineData("test -e /var/run/docker.sock -o -e /run/docker.sock", "see an engine's socket")]
    public async Task RunAsync_RootWithPrivileges_CannotReachTheHost(string script, string what)
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, script)).ExitCode.ShouldNotBe(0, what);
    }

    [Fact]
    public virtual async Task RunAsync_OtherProcessesOfTheMachine_AreInvisible()
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, "set -- /proc/[0-9]*; echo $#; cat /etc/hostname; uname -n")).Output.ShouldBe("1\nsandbox\nsandbox\n");
    }

    [Fact]
    public async Task RunAsync_NoNetwork_SeesOnlyTheLoopback()
    {
        await using var sandbox = await CreateAsync();
        var (_, without, _) = await ShellAsync(sandbox, "tail -n +3 /proc/net/dev", p => p with { Network = false });
        without.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldHaveSingleItem().Trim().ShouldStartWith("lo:");
        var (_, with, _) = await ShellAsync(sandbox, "tail -n +3 /proc/net/dev");
        with.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBeGreaterThan(1, "a network besides the loopback");
    }

    [Fact]
    public async Task RunAsync_BackgroundProcess_IsKilledWhenTheProcessEnds()
    {
        await using var sandbox = await CreateAsync();
        var marker = $"{Random.Shared.Next(100_000, 999_999)}";
        (await ShellAsync(sandbox, $"sleep {marker} & exit 3").WaitAsync(Patience, Stop)).ExitCode.ShouldBe(3);
        IsRunning("sleep", marker).ShouldBeFalse();
    }

    [Fact]
    public async Task RunAsync_Cancelled_KillsAllAndThrowsAfterTheyAreGone()
    {
        await using var sandbox = await CreateAsync();
        var marker = $"{Random.Shared.Next(100_000, 999_999)}";
        using var stop = new CancellationTokenSource();
        var output = new Capture();
        var run = sandbox.RunAsync(
            new ProcessSpec(["/bin/sh", "-c", $"trap '' TERM INT; (sleep {marker} &) ; echo up; sleep {marker}; sleep {marker}"], ["PATH=/bin"], "/", new ProcessUser(0, 0)) { Output = output }, stop.Token);
        await output.FirstOutput.WaitAsync(Patience, Stop);
        await stop.CancelAsync();
        // It would sleep for days.
        await Should.ThrowAsync<OperationCanceledException>(() => run.WaitAsync(Patience, Stop));
        IsRunning("sleep", marker).ShouldBeFalse();
        (await ShellAsync(sandbox, "echo still usable")).Output.ShouldBe("still usable\n");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(25)]
    public async Task RunAsync_CancelledWhileItStarts_LeavesNothing(int milliseconds)
    {
        await using var sandbox = await CreateAsync();
        var marker = $"{Random.Shared.Next(100_000, 999_999)}";
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(milliseconds));
        await Should.ThrowAsync<OperationCanceledException>(() => ShellAsync(sandbox, $"sleep {marker}", stop: stop.Token));
        IsRunning("sleep", marker).ShouldBeFalse();
    }

    [Fact]
    public async Task DisposeAsync_WhileAProcessRuns_EndsIt()
    {
        var sandbox = await CreateAsync();
        var output = new Capture();
        var run = sandbox.RunAsync(new ProcessSpec(["/bin/sh", "-c", "echo up; sleep 1000"], ["PATH=/bin"], "/", new ProcessUser(0, 0)) { Output = output }, Stop);
        await output.FirstOutput.WaitAsync(Patience, Stop);
        await sandbox.DisposeAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task RunAsync_OutputReceiverFails_KillsTheProcessAndSaysWhy()
    {
        await using var sandbox = await CreateAsync();
        var failure = await Should.ThrowAsync<SandboxException>(() => sandbox.RunAsync(
            new ProcessSpec(["/bin/yes"], [], "/", new ProcessUser(0, 0)) { Output = new FullDisk() }, Stop));
        failure.Message.ShouldContain("disk full");
    }

    [Fact]
    public async Task RunAsync_ForkBomb_IsContained()
    {
        await using var sandbox = await Runtime.CreateAsync(Spec() with { Limits = new SandboxLimits { MaxProcesses = 40 } }, Stop);
        var (exitCode, _, errors) = await ShellAsync(sandbox, "for i in $(seq 100); do sleep 100 & done; echo unreachable");
        exitCode.ShouldNotBe(0);
        errors.ShouldContain("fork");
    }

    [Fact]
    public virtual async Task RunAsync_MoreMemoryThanAllowed_IsKilledAndSaysSo()
    {
        await using var sandbox = await Runtime.CreateAsync(Spec() with { Limits = new SandboxLimits { MemoryBytes = 48 << 20 } }, Stop);
        var result = await sandbox.RunAsync(new ProcessSpec(["/usr/bin/perl", "-e", "my $x = 'x' x (200 * 1024 * 1024); print length $x"], [], "/", new ProcessUser(0, 0)), Stop);
        result.ShouldBe(new ProcessResult(137, OutOfMemory: true));
        (await sandbox.RunAsync(new ProcessSpec(["/bin/true"], [], "/", new ProcessUser(0, 0)), Stop)).ShouldBe(new ProcessResult(0));
    }

    [Fact]
    public async Task RunAsync_SeveralAtOnce_ShareTheRoot()
    {
        await using var sandbox = await CreateAsync();
        var runs = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => ShellAsync(sandbox, $"echo {i} > /data/{i}; while [ $(ls /data | wc -l) -lt 6 ]; do :; done")));
        runs.ShouldAllBe(run => run.ExitCode == 0);
        sandbox.Files.List("/data").Count.ShouldBe(6);
    }

    [Fact]
    [Decision(18)]
    public async Task CreateAsync_SeveralAtOnceOverMissingLayers_UnpackOnce()
    {
        var layers = Enumerable.Range(0, 5).Select(i => BaseImage.Of(Store, (new LayerEntry($"n{i}", LayerEntryType.File), $"{i}"))).ToArray();
        var sandboxes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => CreateAsync(layers)));
        foreach (var sandbox in sandboxes)
        {
            sandbox.Files.Stat("/n4").ShouldNotBeNull();
            await sandbox.DisposeAsync();
        }
    }

    [Fact]
    public async Task CreateAsync_HandleInUse_Throws()
    {
        var spec = Spec();
        await using var sandbox = await Runtime.CreateAsync(spec, Stop);
        await Should.ThrowAsync<InvalidOperationException>(() => Runtime.CreateAsync(spec, Stop));
        (await ShellAsync(sandbox, "true")).ExitCode.ShouldBe(0);
    }

    private sealed class FullDisk : IProcessOutput
    {
        public void Write(ReadOnlySpan<byte> bytes, bool isError) => throw new IOException("disk full");
    }
}
