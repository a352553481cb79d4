using Grid.Oci.Content;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>The conformance suite over runc.</summary>
public sealed class RuncConformance : SandboxConformance
{
    protected override ISandboxRuntime CreateRuntimeAt(string directory) => OciRuntimeUnderTest.Make(directory, "runc", Directory, Store);

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);
}

/// <summary>The conformance suite over crun; on hosts with hybrid control groups it needs a private mount namespace.</summary>
public sealed class CrunConformance : SandboxConformance
{
    protected override ISandboxRuntime CreateRuntimeAt(string directory) => OciRuntimeUnderTest.Make(directory, "crun", Directory, Store);

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);
}

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
