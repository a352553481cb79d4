using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>
/// The conformance suite as an ordinary user. It runs in a program of that user's own, which <see cref="RootlessTests"/> starts; in others it is skipped.
/// What is overridden here is where it differs from root, with the reason.
/// </summary>
public sealed class RootlessConformance : SandboxConformance
{
    internal const string Variable = "GRID_TEST_ROOTLESS";

    protected override ISandboxRuntime CreateRuntimeAt(string directory) => Make(directory, Environment.GetEnvironmentVariable(Variable) ?? "runc");

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);

    /// <summary>The kernel lets nobody make device nodes in a user namespace, not even harmless ones.</summary>
    [Fact]
    public override async Task CommitAsync_SpecialFilesAndOddNames_AreKept()
    {
        var layer = await StepAsync("cd /data; mkfifo -m 600 fifo; mknod null c 1 3 && exit 9; printf x > \"$(printf 'caf\\351')\"; printf y > \"$(printf 'a\\nb')\"");
        Entries(layer).Select(e => (e.Path, e.Type)).ShouldBe(
            [("data", LayerEntryType.Directory), ("data/a\nb", LayerEntryType.File), ("data/caf\uDCE9", LayerEntryType.File), ("data/fifo", LayerEntryType.Fifo)]);
    }

    /// <summary>Control groups belong to root unless one was delegated, and nothing else bounds memory.</summary>
    [Fact]
    public override async Task RunAsync_MoreMemoryThanAllowed_IsKilledAndSaysSo()
    {
        var runtime = Runtime;
        (await Should.ThrowAsync<SandboxException>(() => runtime.CreateAsync(Spec() with { Limits = new SandboxLimits { MemoryBytes = 48 << 20 } }, Stop)))
            .Message.ShouldContain("as root only");
    }

    internal static OciSandboxRuntime Make(string state, string name)
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
            Assert.Skip("runs as a program of an ordinary user, started by RootlessTests");
        return OciRuntimeUnderTest.Make(state, name, Path.GetDirectoryName(state)!, new Grid.Oci.Content.ContentStore(Path.Combine(Path.GetDirectoryName(state)!, "content")));
    }
}
