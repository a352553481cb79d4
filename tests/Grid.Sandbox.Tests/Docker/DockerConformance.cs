using Grid.Docker;
using Grid.Docker.Sandboxes;
using Grid.Oci.Content;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests.Docker;

/// <summary>The conformance suite over a Docker engine. What is overridden here is where it differs, with the reason.</summary>
public sealed class DockerConformance : SandboxConformance
{
    protected override ISandboxRuntime CreateRuntimeAt(string directory) => DockerEngineUnderTest.Make(directory, Store);

    protected override void AssertNothingLeft() => DockerEngineUnderTest.AssertNothingLeft(Directory);

    /// <summary>The engine loses this race (its runc makes the directory on the machine), so it is not entered: a mount inside such a mount is refused.</summary>
    [Theory]
    [InlineData("/")]
    [InlineData("../../../../../../../../../../")]
    public override async Task ExtraVolumes_DirectoryInASharedOneIsSwappedMeanwhile_NothingElseIsTouched(string way)
    {
        var (shared, marker, inner) = (Host("shared"), Host("marker", ("m", "host")), Host("inner", ("i", "inner")));
        File.CreateSymbolicLink(Path.Combine(shared, "d"), way + marker.TrimStart('/'));
        await using var sandbox = await CreateAsync();
        var volume = await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "true", spec => spec with { ExtraVolumes = [new Volume(shared, "/c"), new Volume(inner, "/c/d/v", ReadOnly: true)] }));
        volume.Message.ShouldContain("/c/d/v");
        var temporary = await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "true", spec => spec with { ExtraVolumes = [new Volume(shared, "/c")], TemporaryFileSystems = [new TemporaryFileSystem("/c/d/e")] }));
        temporary.Message.ShouldContain("/c/d/e");
        System.IO.Directory.GetFileSystemEntries(marker).ShouldBe([Path.Combine(marker, "m")]);
    }

    /// <summary>Executed processes are in the container's process-id namespace, with the one that holds it and with those that run at the same time.</summary>
    [Fact]
    public override async Task RunAsync_OtherProcessesOfTheMachine_AreInvisible()
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, "set -- /proc/[0-9]*; echo $#; cat /etc/hostname; uname -n")).Output.ShouldBe("2\nsandbox\nsandbox\n");
    }

    /// <summary>overlay2 of the engine takes 125 layers.</summary>
    [Fact]
    public override async Task CreateAsync_TwoHundredLayers_Works()
    {
        var layers = Enumerable.Range(0, 200).Select(i => BaseImage.Of(Store, (new LayerEntry($"n{i}", LayerEntryType.File), $"{i}"))).ToArray();
        // Where there is no engine this skips, which is no exception of a sandbox.
        var runtime = Runtime;
        (await Should.ThrowAsync<SandboxException>(() => runtime.CreateAsync(Spec(layers), Stop))).Message.ShouldContain("at most 125");
        await using var sandbox = await CreateAsync(layers[..120]);
        (await ShellAsync(sandbox, "cat /n0 /n100 /n119")).Output.ShouldBe("0100119");
    }
}

/// <summary>Makes runtimes for tests and looks for what they leave.</summary>
internal static class DockerEngineUnderTest
{
    /// <summary>A runtime over a state directory; skips the test where no engine can do it (tests/with-docker-engine.sh starts one).</summary>
    public static DockerSandboxRuntime Make(string state, ContentStore store, Func<DockerSandboxOptions, DockerSandboxOptions>? change = null)
    {
        var options = new DockerSandboxOptions { StateDirectory = state };
        var runtime = new DockerSandboxRuntime(change?.Invoke(options) ?? options, store);
        if (runtime.Name.StartsWith("no Docker engine", StringComparison.Ordinal))
        {
            var reason = runtime.Name;
            runtime.Dispose();
            AdapterReport.Skip("docker", reason);
        }
        AdapterReport.Ran(runtime.Name);
        return runtime;
    }

    public static void AssertNothingLeft(string directory)
    {
        File.ReadAllText("/proc/self/mountinfo").ShouldNotContain(directory);
        foreach (var state in Directory.GetDirectories(directory).Select(state => Path.Combine(state, "sandboxes")).Where(Directory.Exists))
            Directory.GetDirectories(state).ShouldBeEmpty();
    }
}
