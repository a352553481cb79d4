using Grid.Oci.Content;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>The conformance suite over runc.</summary>
public sealed class RuncConformance : OciRuntimeConformance
{
    protected override string RuntimeName => "runc";
}

/// <summary>The conformance suite over crun; on hosts with hybrid control groups it needs a private mount namespace (GRID_MOUNT_NAMESPACE).</summary>
public sealed class CrunConformance : OciRuntimeConformance
{
    protected override string RuntimeName => "crun";
}

/// <summary>What both have in common.</summary>
public abstract class OciRuntimeConformance : SandboxConformance
{
    protected abstract string RuntimeName { get; }

    protected override ISandboxRuntime CreateRuntime(ContentStore store) => Make(Path.Combine(Directory, "state"));

    protected override ISandboxRuntime CreateRuntimeAt(string directory) => Make(directory);

    protected override void AssertNothingLeft()
    {
        System.IO.Directory.GetDirectories(Path.Combine(Directory, "state", "sandboxes")).ShouldBeEmpty();
        File.ReadAllText("/proc/self/mountinfo").ShouldNotContain(Directory);
        foreach (var runtime in System.IO.Directory.GetDirectories(Path.Combine(Directory, "state", "runtime")))
            System.IO.Directory.GetDirectories(runtime).ShouldBeEmpty();
        foreach (var hierarchy in System.IO.Directory.GetDirectories("/sys/fs/cgroup"))
            System.IO.Directory.Exists($"{hierarchy}/grid-test-{Path.GetFileName(Directory)}").ShouldBeFalse();
    }

    protected OciSandboxRuntime Make(string state, Func<OciRuntimeOptions, OciRuntimeOptions>? change = null)
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("needs root for mounts and control groups");
        var options = new OciRuntimeOptions { StateDirectory = state, Runtime = RuntimeName, ControlGroup = $"/grid-test-{Path.GetFileName(Directory)}" };
        var runtime = new OciSandboxRuntime(change?.Invoke(options) ?? options, Store);
        if (!runtime.Name.StartsWith("no OCI runtime", StringComparison.Ordinal))
            return runtime;
        var reason = runtime.Name;
        runtime.Dispose();
        Assert.Skip(reason);
        return runtime;
    }
}
