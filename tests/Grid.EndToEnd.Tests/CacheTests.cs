using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>The cache of Dockerfile steps: never a wrong hit, nothing run twice, nothing left behind.</summary>
public sealed class CacheTests(TestMachine machine)
{
    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("GRID_TEST_KILLS") ?? "5", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Build_KilledAtRandomPoints_TheNextAttemptSucceedsAndNothingIsLeft()
    {
        const string Chain = "RUN dd if=/dev/zero of=/big bs=1M count=20 && ln /big /linked\nRUN rm /linked && mkdir /d && echo one >/d/one\nRUN echo two >/d/two && chmod 700 /d";
        var expected = await machine.NewAsync();
        expected.Builder.Buildpack("test/app").Dockerfiles("test/chain", BuilderDirectory.AsRoot(Chain), BuilderDirectory.AsRoot(Chain));
        (await expected.BuildAsync()).ShouldSucceed();
        var reference = await BuiltImage.ReadAsync(expected.Layout);

        var bench = await machine.NewAsync();
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var kill = 0; kill < Kills; kill++)
        {
            // Each round has steps of its own, so that there is always one to be killed in.
            bench.Builder.Buildpack("test/app").Dockerfiles("test/chain", BuilderDirectory.AsRoot($"{Chain}\nRUN echo {kill} >/round"), BuilderDirectory.AsRoot($"{Chain}\nRUN echo {kill} >/round"));
            using (var process = StartBuild(bench))
            {
                var reading = Tool.EndAsync(process);
                await WaitForStepAsync(bench, process, random.Next(0, 1500));
                process.Kill();
                await reading;
            }
            bench = Again(bench);
        }
        bench.Builder.Buildpack("test/app").Dockerfiles("test/chain", BuilderDirectory.AsRoot(Chain), BuilderDirectory.AsRoot(Chain));
        var run = (await bench.BuildAsync()).ShouldSucceed();

        var image = await BuiltImage.ReadAsync(bench.Layout);
        image.DiffIds.ShouldBe(reference.DiffIds, $"seed {seed}: {run}");
        Leftovers.Of(bench.Data, bench.Data).ShouldBeEmpty($"seed {seed}");
        Directory.GetFiles(Path.Combine(bench.Data, "content", "ingest")).ShouldBeEmpty($"seed {seed}");
        // Every blob is what its name says, whatever moment it was being written at.
        foreach (var blob in Directory.GetFiles(Path.Combine(bench.Data, "content", "blobs", "sha256")))
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(blob, TestContext.Current.CancellationToken))).ShouldBe(Path.GetFileName(blob), $"seed {seed}");
        (await bench.BuildAsync()).ShouldSucceed().Steps().ShouldAllBe(step => step.EndsWith(" Cached", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Build_CachedLayerWasDamaged_IsAMissWithThatReason()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/run", run: BuilderDirectory.AsRoot("RUN echo hello >/file"));
        (await bench.BuildAsync()).ShouldSucceed();
        var listed = await bench.GridAsync("cache", "list", "--json");
        var step = JsonSerializer.Deserialize<JsonElement>(listed.Output).GetProperty("steps").EnumerateArray().Single();
        var blob = Path.Combine(bench.Data, "content", "blobs", "sha256", step.GetProperty("blob").GetString()!["sha256:".Length..]);
        var bytes = await File.ReadAllBytesAsync(blob, TestContext.Current.CancellationToken);
        bytes[^9] ^= 1;
        await File.WriteAllBytesAsync(blob, bytes, TestContext.Current.CancellationToken);
        // Else the layer would be taken from the previous image.
        Directory.Delete(bench.Layout, recursive: true);

        var run = (await bench.BuildAsync()).ShouldSucceed();

        run.Steps().ShouldBe(["ExtendRun 4 Ran"]);
        run.Of("step-started").Single().GetProperty("missReason").GetString().ShouldBe("its cached layer was damaged");
        (await bench.BuildAsync()).ShouldSucceed().Steps().ShouldBe(["ExtendRun 4 Cached"]);
    }

    [Fact]
    public async Task Build_OnAGridThatKnowsNothing_TakesExtensionLayersFromThePreviousImage()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app").Dockerfiles("test/run", run: BuilderDirectory.AsRoot("""
            RUN echo one >/one
            ENV A=b
            RUN mkdir -p /var/lib/dpkg && printf 'Package: curl\nStatus: install ok installed\nVersion: 7.88-1\nArchitecture: amd64\n' >/var/lib/dpkg/status
            RUN true
            """));
        var image = $"{registry.Host}/apps/hello:1";
        var first = (await bench.PublishAsync(image)).ShouldSucceed();
        var before = (await registry.RequestsAsync()).Count;

        var other = new Workbench(machine, bench.Images, bench.Root) { Data = Path.Combine(bench.Root, "another") };
        other.Builder.RunImage = bench.Builder.RunImage;
        var second = (await BuildRun.OfAsync(other.Start(["build", other.App, "--builder", bench.Builder.Path, "--image", image, "--json"]))).ShouldSucceed();

        first.Steps().ShouldBe(["ExtendRun 4 Ran", "ExtendRun 6 Ran", "ExtendRun 7 Ran"]);
        second.Steps().ShouldBe(["ExtendRun 4 Restored", "ExtendRun 6 Restored", "ExtendRun 7 Restored"]);
        second.Digest.ShouldBe(first.Digest);
        // No bytes of the run image or of the extension's layers: neither read nor written.
        await registry.PullAsync("apps/hello:1", $"oci:{bench.Layout}:app");
        await registry.PullAsync("base/run:1", $"oci:{bench.Layout}:run");
        var built = await BuiltImage.ReadAsync(bench.Layout);
        var runLayers = (await BuiltImage.ReadAsync(bench.Layout, "run")).LayerDigests.Count;
        var requests = (await registry.RequestsAsync()).Skip(before).TakeWhile(r => !r.Contains("skopeo", StringComparison.Ordinal)).ToList();
        foreach (var layer in built.LayerDigests.Take(runLayers + 2))
            requests.ShouldNotContain(r => r.Contains("\"GET ", StringComparison.Ordinal) && r.Contains(layer, StringComparison.Ordinal));
        Leftovers.Of(other.Data, other.Data).ShouldBeEmpty();
        Packages(built).ShouldContain("pkg:deb/curl@7.88-1?arch=amd64");
    }

    [Fact]
    public async Task Build_OnlyTheLastStepIsNew_RunsItOverLayersOfThePreviousImage()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app").Dockerfiles("test/run", run: BuilderDirectory.AsRoot("RUN echo one >/one\nRUN cat /one >/two"));
        var image = $"{registry.Host}/apps/hello:1";
        (await bench.PublishAsync(image)).ShouldSucceed();

        var other = new Workbench(machine, bench.Images, Directory.CreateDirectory(Path.Combine(bench.Root, "other")).FullName);
        other.Builder.RunImage = bench.Builder.RunImage;
        other.Builder.Buildpack("test/app").Dockerfiles("test/run", run: BuilderDirectory.AsRoot("RUN echo one >/one\nRUN cat /one /one >/two"));
        (await other.PublishAsync(image)).ShouldSucceed().Steps().ShouldBe(["ExtendRun 4 Restored", "ExtendRun 5 Ran"]);

        await registry.PullAsync("apps/hello:1", $"oci:{other.Layout}:app");
        var bundle = await (await BuiltImage.ReadAsync(other.Layout)).UnpackAsync(Path.Combine(other.Root, "bundle"));
        (await File.ReadAllTextAsync(Path.Combine(bundle, "rootfs", "two"), TestContext.Current.CancellationToken)).ShouldBe("one\none\n");
    }

    [Fact]
    public async Task Build_ExtensionInstallsPackages_AppImageHasTheirBillOfMaterials()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/run", run: BuilderDirectory.AsRoot("""
            RUN mkdir -p /lib/apk/db && printf 'ID=alpine\n' >/etc/os-release && printf 'P:musl\nV:1.2\nA:x86_64\nL:MIT\n\nP:curl\nV:8.0\nA:x86_64\n' >/lib/apk/db/installed
            RUN printf 'P:musl\nV:1.2\nA:x86_64\nL:MIT\n\nP:zlib\nV:1.3\nA:x86_64\n' >/lib/apk/db/installed
            """));

        (await bench.BuildAsync()).ShouldSucceed();
        var image = await BuiltImage.ReadAsync(bench.Layout);
        var bundle = await image.UnpackAsync(Path.Combine(bench.Root, "bundle"));
        var file = Path.Combine(bundle, "rootfs", "layers", "sbom", "launch", "test_run", "sbom.cdx.json");
        var sbom = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));

        sbom.GetProperty("bomFormat").GetString().ShouldBe("CycloneDX");
        sbom.GetProperty("components").EnumerateArray().Select(c => c.GetProperty("purl").GetString()).ShouldBe(["pkg:apk/alpine/musl@1.2?arch=x86_64", "pkg:apk/alpine/zlib@1.3?arch=x86_64"]);
        sbom.GetProperty("metadata").GetProperty("component").GetProperty("name").GetString().ShouldBe("test/run");
        var metadata = JsonSerializer.Deserialize<JsonElement>(image.Label("io.buildpacks.lifecycle.metadata"));
        image.DiffIds.ShouldContain(metadata.GetProperty("sbom").GetProperty("sha").GetString());
        var again = (await bench.BuildAsync()).ShouldSucceed();
        again.Steps().ShouldAllBe(step => step.EndsWith(" Cached", StringComparison.Ordinal));
        (await BuiltImage.ReadAsync(bench.Layout)).LayerDigests.ShouldBe(image.LayerDigests);
    }

    [Fact]
    public async Task Build_BuildIdPolicies_DecideWhetherStepsRunAgain()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/run", run: BuilderDirectory.AsRoot("ARG build_id\nRUN echo ${build_id} >/file"));

        var first = (await bench.BuildAsync()).ShouldSucceed();
        first.Log.ShouldContain("declares build_id");
        var second = (await bench.BuildAsync()).ShouldSucceed();
        second.Steps().ShouldBe(["ExtendRun 5 Ran"]);
        second.Of("step-started").Single().GetProperty("miss").GetProperty("changed")[0].GetProperty("name").GetString().ShouldBe("ARG build_id");
        var why = await bench.GridAsync("cache", "why");
        why.Output.ShouldContain("because ARG build_id changed");

        var replay = (await bench.BuildAsync("--build-id", "replay=last")).ShouldSucceed();
        replay.Steps().ShouldBe(["ExtendRun 5 Cached"]);
        replay.Log.ShouldNotContain("declares build_id");
        (await bench.BuildAsync("--build-id", "per-period=3650d")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 5 Ran"]);
        (await bench.BuildAsync("--build-id", "per-period=3650d")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 5 Cached"]);
        (await bench.BuildAsync("--build-id", "replay=nothing")).ShouldFail(3, "nothing");
    }

    [Fact]
    public async Task Prune_All_LeavesAGridThatBuildsAgain()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both", BuilderDirectory.AsRoot("RUN echo b >/b"), BuilderDirectory.AsRoot("RUN echo r >/r"));
        var digest = (await bench.BuildAsync()).ShouldSucceed().Digest;
        (await bench.GridAsync("cache", "list")).Output.ShouldContain("RUN echo r >/r");

        var pruned = await bench.GridAsync("cache", "prune", "--all", "--json");

        pruned.ExitCode.ShouldBe(0, pruned.ToString());
        var done = JsonSerializer.Deserialize<JsonElement>(pruned.Output);
        done.GetProperty("steps").GetInt32().ShouldBe(2);
        done.GetProperty("bytesLeft").GetInt64().ShouldBe(0);
        Directory.GetDirectories(Path.Combine(bench.Data, "sandbox", "layers")).ShouldBeEmpty();
        (await bench.GridAsync("cache", "list")).Output.ShouldStartWith("0 steps");
        // The builder was made from a directory: it is made again with the same digest.
        (await bench.BuildAsync()).ShouldSucceed().Digest.ShouldBe(digest);
    }

    private static List<string?> Packages(BuiltImage image) => [.. JsonSerializer.Deserialize<JsonElement>(image.Label("io.grid.extensions.metadata")).EnumerateArray()
        .SelectMany(e => e.GetProperty("steps").EnumerateArray()).Where(s => s.TryGetProperty("packages", out _))
        .SelectMany(s => s.GetProperty("packages").GetProperty("added").EnumerateArray()).Select(p => p.GetString())];

    private static Process StartBuild(Workbench bench) =>
        bench.Start("build", bench.App, "--builder", bench.Builder.Write(), "--image", "test/app", "--output", $"oci:{bench.Layout}:app", "--json");

    /// <summary>The same data directory with a new builder directory.</summary>
    private Workbench Again(Workbench bench) =>
        new(machine, bench.Images, Directory.CreateDirectory(Path.Combine(machine.Scratch, Guid.NewGuid().ToString("N")[..12])).FullName) { Data = bench.Data };

    /// <summary>Waits until a sandbox has been made, or the build is over, and then as long as it is told.</summary>
    private static async Task WaitForStepAsync(Workbench bench, Process process, int milliseconds)
    {
        var sandboxes = Path.Combine(bench.Data, "sandbox", "sandboxes");
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        while (!process.HasExited && !(Directory.Exists(sandboxes) && Directory.EnumerateDirectories(sandboxes).Any(s => Path.GetFileName(s).Contains("-run-", StringComparison.Ordinal))))
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, CancellationToken.None);
    }
}
