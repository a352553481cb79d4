using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>A chain that is all cached needs the base's manifest and configuration, and nothing else of it.</summary>
public sealed class CachedChainTests(TestMachine machine)
{
    [Theory]
    [InlineData("build")]
    [InlineData("run")]
    public async Task Extend_EverythingIsCached_ReadsNoLayerOfTheBaseAndMakesNoSandbox(string kind)
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(kind == "build" ? bench.Images.Build : bench.Images.Run, "base:1");
        var file = Path.Combine(bench.Root, $"{kind}.Dockerfile");
        await File.WriteAllTextAsync(file, "ARG base_image\nFROM ${base_image}\nUSER root\nRUN echo one >/one\nENV A=b\nWORKDIR /w\nRUN cat /one >two\nUSER 1001:1001\n", TestContext.Current.CancellationToken);
        (await ExtendAsync("out:1")).Steps().Count(step => step.EndsWith(" Ran", StringComparison.Ordinal)).ShouldBe(3);
        await registry.PullAsync("base:1", $"oci:{bench.Layout}:base");
        var layers = (await BuiltImage.ReadAsync(bench.Layout, "base")).LayerDigests;
        // Another node of the grid has the cache, and nothing of the base.
        foreach (var layer in layers)
            File.Delete(Path.Combine(bench.Data, "content", "blobs", "sha256", layer["sha256:".Length..]));
        await Tool.RunAsync("rm", "-rf", Path.Combine(bench.Data, "sandbox", "layers"));
        var before = (await registry.RequestsAsync()).Count;

        var cached = await ExtendAsync("out:2");

        cached.Steps().ShouldAllBe(step => step.EndsWith(" Cached", StringComparison.Ordinal));
        var requests = (await registry.RequestsAsync()).Skip(before).ToList();
        requests.ShouldContain(request => request.Contains("/manifests/", StringComparison.Ordinal), "the test looks where requests are");
        foreach (var layer in layers)
            requests.ShouldNotContain(request => request.Contains("\"GET ", StringComparison.Ordinal) && request.Contains(layer, StringComparison.Ordinal));
        Directory.GetDirectories(Path.Combine(bench.Data, "sandbox", "layers")).ShouldBeEmpty("nothing was unpacked");

        async Task<BuildRun> ExtendAsync(string name) => (await BuildRun.OfAsync(bench.Start(
            "extend", "--kind", kind, "--base", $"{registry.Host}/base:1", "--dockerfile", file, "--output", $"{registry.Host}/{name}", "--json"))).ShouldSucceed();
    }
}
