using Grid.Oci;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.Tests.OciRuntime;

public sealed class RuntimeLogTests
{
    [Theory]
    [InlineData("runc run failed: unable to start container process: exec: \"nope\": executable file not found in $PATH", 127)]
    [InlineData("runc run failed: unable to start container process: exec: \"/no\": stat /no: no such file or directory", 127)]
    [InlineData("runc run failed: unable to start container process: exec: \"/etc/passwd\": permission denied", 126)]
    [InlineData("executable file `nope` not found in $PATH: No such file or directory", 127)]
    [InlineData("open executable: Permission denied", 126)]
    [InlineData("mount `proc` to `/proc`: Operation not permitted", null)]
    [InlineData("error mounting \"/x\" to rootfs at \"/y\": no such file or directory", null)]
    public void ExitCodeOfExec_TellsTheProcessesFaultFromTheEngines(string message, int? expected) => RuntimeLog.ExitCodeOfExec(message).ShouldBe(expected);
}

public sealed class ChainIdTests
{
    [Fact]
    public void Append_FirstIsTheDiffIdAndNextIsTheHashOfBoth()
    {
        var (a, b) = (Digest.Compute("a"u8), Digest.Compute("b"u8));
        ChainId.Append(default, a).ShouldBe(a);
        ChainId.Append(a, b).ShouldBe(Digest.Compute(System.Text.Encoding.ASCII.GetBytes($"{a} {b}")));
    }
}

public sealed class SeccompTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Profile_NeverAllowsWhatLeavesTheSandbox(bool canChroot)
    {
        var allowed = Seccomp.Profile(canChroot).Syscalls.Where(rule => rule is { Action: "SCMP_ACT_ALLOW", Args: null }).SelectMany(rule => rule.Names).ToHashSet();
        string[] forbidden =
        [
            "mount", "umount2", "pivot_root", "unshare", "setns", "clone", "clone3", "bpf", "perf_event_open", "userfaultfd", "kexec_load", "init_module",
            "finit_module", "delete_module", "open_by_handle_at", "reboot", "swapon", "keyctl", "add_key", "request_key", "io_uring_setup", "open_tree", "move_mount",
            "fsopen", "fsmount", "mount_setattr", "settimeofday", "clock_settime", "iopl", "ioperm", "acct", "quotactl", "personality", "socket", "sethostname",
        ];
        allowed.Intersect(forbidden).ShouldBeEmpty();
        allowed.Contains("chroot").ShouldBe(canChroot);
        allowed.Count.ShouldBeGreaterThan(300);
    }
}

public sealed class RuntimeAdvisoryTests
{
    [Theory]
    [InlineData("runc 1.1.5+ds1", "CVE-2024-21626")]
    [InlineData("runc 1.1.12", "CVE-2025-31133")]
    [InlineData("runc 1.2.7", "CVE-2025-31133")]
    [InlineData("runc 1.2.8", null)]
    [InlineData("runc 1.3.2", "CVE-2025-52881")]
    [InlineData("runc 1.3.3", null)]
    [InlineData("runc 1.4.1", null)]
    [InlineData("crun 1.8.1", "CVE-2025-24965")]
    [InlineData("crun 1.20", null)]
    [InlineData("runsc release-20250101.0", null)]
    public void Of_VersionWithKnownDefects_NamesThem(string name, string? defect)
    {
        var warning = RuntimeAdvisory.Of(name);
        if (defect is null)
            warning.ShouldBeNull();
        else
            warning.ShouldNotBeNull().ShouldContain(defect);
    }
}

public sealed class MemoryDirectoryTests
{
    [Fact]
    public void RemoveOf_LeavesThoseOfOthers()
    {
        var (dead, living) = ($"{Guid.NewGuid():n}", $"{Guid.NewGuid():n}");
        var left = MemoryDirectory.Make(dead);
        using var used = MemoryDirectory.Make(living);
        File.WriteAllText(Path.Combine(left.Path, "config.json"), "secret");

        MemoryDirectory.RemoveOf(dead);

        Directory.Exists(left.Path).ShouldBeFalse();
        File.GetUnixFileMode(used.Path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
