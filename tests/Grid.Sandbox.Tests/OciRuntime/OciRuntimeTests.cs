using Grid.Oci.Content;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>
/// The conformance suite over an OCI runtime, as root or (in a program <see cref="RootlessTests"/> starts) as an ordinary user.
/// What is overridden here is where the latter differs, with the reason.
/// </summary>
public abstract class OciRuntimeConformance(string name) : SandboxConformance
{
    protected override ISandboxRuntime CreateRuntimeAt(string directory) => OciRuntimeUnderTest.Make(directory, name, Directory, Store);

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);

    /// <summary>The kernel lets nobody make device nodes in a user namespace, not even harmless ones.</summary>
    [Fact]
    public override async Task CommitAsync_SpecialFilesAndOddNames_AreKept()
    {
        if (!UserNamespace.IsInside)
        {
            await base.CommitAsync_SpecialFilesAndOddNames_AreKept();
            return;
        }
        var layer = await StepAsync("cd /data; mkfifo -m 600 fifo; mknod null c 1 3 && exit 9; printf x > \"$(printf 'caf\\351')\"; printf y > \"$(printf 'a\\nb')\"");
        Entries(layer).Select(e => (e.Path, e.Type)).ShouldBe(
            [("data", LayerEntryType.Directory), ("data/a\nb", LayerEntryType.File), ("data/caf\uDCE9", LayerEntryType.File), ("data/fifo", LayerEntryType.Fifo)]);
    }

    /// <summary>Control groups belong to root unless one was delegated, and nothing else bounds memory.</summary>
    [Fact]
    public override async Task RunAsync_MoreMemoryThanAllowed_IsKilledAndSaysSo()
    {
        if (!UserNamespace.IsInside)
        {
            await base.RunAsync_MoreMemoryThanAllowed_IsKilledAndSaysSo();
            return;
        }
        var runtime = Runtime;
        (await Should.ThrowAsync<SandboxException>(() => runtime.CreateAsync(Spec() with { Limits = new SandboxLimits { MemoryBytes = 48 << 20 } }, Stop)))
            .Message.ShouldContain("as root only");
    }

    [Fact]
    public async Task RunAsync_MoreFilesThanAllowed_IsKilledAndSaysSo()
    {
        await using var sandbox = await Runtime.CreateAsync(Spec() with { Limits = new SandboxLimits { DiskBytes = 8 << 20 } }, Stop);
        (await ShellAsync(sandbox, "dd if=/dev/zero of=/data/a bs=1M count=4")).ExitCode.ShouldBe(0);

        // One that never ends is killed, and one that ends in between is found out.
        (await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "dd if=/dev/zero of=/data/b bs=1M count=20; while :; do sleep 1; done"))).Message.ShouldContain("8 MiB");
        await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "true"));
    }

    /// <summary>The bundle holds the environment, and crun copies it: with a secret in it neither may be on a disk. That it is found without being called one shows that this looks well.</summary>
    [Fact]
    public async Task RunAsync_SecretInTheEnvironment_IsOnNoDisk()
    {
        (await FindTokenAsync(hasSecrets: false)).ShouldNotBeEmpty();
        (await FindTokenAsync(hasSecrets: true)).ShouldBeEmpty();
    }

    private async Task<IReadOnlyList<string>> FindTokenAsync(bool hasSecrets)
    {
        var token = $"value-{Guid.NewGuid():n}";
        await using var sandbox = await Runtime.CreateAsync(Spec() with { HasSecrets = hasSecrets }, Stop);
        var look = new DiskLook(Path.Combine(Directory, "state"), token, () => sandbox.Files.WriteFile("/data/looked", [], 0x1A4));
        string[] script = ["/bin/sh", "-c", "test -n \"$TOKEN\" && echo running && while [ ! -e /data/looked ]; do :; done"];
        (await sandbox.RunAsync(new ProcessSpec(script, ["PATH=/bin:/usr/bin", $"TOKEN={token}"], "/", new ProcessUser(0, 0)) { Output = look }, Stop)).ExitCode.ShouldBe(0);
        return look.Found;
    }

    [Fact]
    public async Task CreateAsync_ProcessorTimeIsBounded_InTheSandboxesControlGroup()
    {
        var spec = Spec() with { Limits = new SandboxLimits { CpuMillis = 250 } };
        if (UserNamespace.IsInside)
        {
            (await Should.ThrowAsync<SandboxException>(() => Runtime.CreateAsync(spec, Stop))).Message.ShouldContain("as root only");
            return;
        }
        await using var sandbox = await Runtime.CreateAsync(spec, Stop);

        OciRuntimeUnderTest.ProcessorBounds(Directory).ShouldBe(["25000"]);
        (await ShellAsync(sandbox, "echo works")).Output.ShouldBe("works\n");
    }
}

/// <summary>The conformance suite over runc.</summary>
public sealed class RuncConformance() : OciRuntimeConformance("runc");

/// <summary>The conformance suite over crun; on hosts with hybrid control groups it needs a private mount namespace.</summary>
public sealed class CrunConformance() : OciRuntimeConformance("crun");

/// <summary>Makes runtimes for tests and looks for what they leave.</summary>
internal static class OciRuntimeUnderTest
{
    /// <summary>A runtime over a state directory; skips the test where it cannot work.</summary>
    public static OciSandboxRuntime Make(string state, string? name, string directory, ContentStore store, Func<OciRuntimeOptions, OciRuntimeOptions>? change = null)
    {
        if (!Environment.IsPrivilegedProcess)
            AdapterReport.Skip(name ?? "oci", "needs root for mounts and control groups");
        var options = new OciRuntimeOptions { StateDirectory = state, Runtime = name, ControlGroup = ControlGroupOf(directory) };
        var runtime = new OciSandboxRuntime(change?.Invoke(options) ?? options, store);
        if (runtime.Name.StartsWith("no OCI runtime", StringComparison.Ordinal))
        {
            var reason = runtime.Name;
            runtime.Dispose();
            AdapterReport.Skip(name ?? "oci", reason);
        }
        AdapterReport.Ran(runtime.Name);
        return runtime;
    }

    public static string ControlGroupOf(string directory) => $"/grid-test-{Path.GetFileName(directory)}";

    /// <summary>Microseconds of processor time in a period of 100 ms, as the control groups below the test's have them.</summary>
    public static IReadOnlyList<string> ProcessorBounds(string directory) =>
    [
        .. new[] { "/sys/fs/cgroup/cpu", "/sys/fs/cgroup" }.Select(hierarchy => hierarchy + ControlGroupOf(directory)).Where(System.IO.Directory.Exists)
            .SelectMany(group => System.IO.Directory.EnumerateFiles(group, "cpu.*", SearchOption.AllDirectories))
            .Where(file => Path.GetFileName(file) is "cpu.max" or "cpu.cfs_quota_us").Select(file => File.ReadAllText(file).Split(' ', '\n')[0]).Where(quota => quota is not ("max" or "-1")),
    ];

    public static void AssertNothingLeft(string directory)
    {
        File.ReadAllText("/proc/self/mountinfo").ShouldNotContain(directory);
        foreach (var kind in new[] { "sandboxes", "runtime/runc", "runtime/crun" })
        {
            foreach (var state in Directory.GetDirectories(directory).Select(state => Path.Combine(state, kind)).Where(Directory.Exists))
                Directory.GetDirectories(state).ShouldBeEmpty();
        }
        foreach (var hierarchy in Directory.GetDirectories("/sys/fs/cgroup"))
            Directory.Exists(hierarchy + ControlGroupOf(directory)).ShouldBeFalse($"{hierarchy}{ControlGroupOf(directory)} is left");
    }
}
