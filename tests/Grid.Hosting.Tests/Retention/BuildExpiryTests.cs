using Grid.Api;
using Grid.Api.Builds;
using Grid.Api.Problems;
using Grid.Api.Secrets;
using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Tenants;
using Grid.Contracts.Secrets;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Retention;
using Grid.Grains.Tests;
using Grid.Hosting.Tests.Servers;
using Grid.Oci.Content;

namespace Grid.Hosting.Tests.Retention;

/// <summary>Finished builds that are forgotten.</summary>
public sealed class BuildExpiryTests(TestServers servers) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-expiry-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static IBuildIndexGrain Index(RetentionBench bench, string key) => bench.Grid.Grains.GetGrain<IBuildIndexGrain>(key);

    private BuildDesk Desk(RetentionBench bench)
    {
        var store = new ContentStore(Path.Combine(_directory, "content"));
        var shared = new TieredContent(store, bench.Tier);
        return new BuildDesk(bench.Grid.Grains, new Uploads(store, shared, bench.Grid.Grains, new ApiOptions { DataDirectory = _directory }, TimeProvider.System),
            new SecretDesk(bench.Grid.Grains, SecretKeyRing.Parse(SecretKeyRing.NewEntry("k1")), TimeProvider.System), TimeProvider.System);
    }

    private static async Task<string> SubmitAsync(RetentionBench bench, string app = "app", string? buildId = null)
    {
        var id = Guid.CreateVersion7().ToString("N");
        var entry = new BuildEntry(id, app, "registry.example/app:latest", TimeProvider.System.GetUtcNow(), "key:1", "hash");
        await Index(bench, "tenant").AddAsync(entry);
        await Index(bench, "tenant/" + app).AddAsync(entry);
        await bench.Grid.Build("tenant/" + id).SubmitAsync(Samples.Request(app) with { BuildId = buildId });
        return id;
    }

    private static async Task<RetentionBench> StartAsync(TestServers servers, RetentionOptions options)
    {
        var bench = await RetentionBench.StartAsync("directory", servers, options);
        bench.Grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN tools\n"));
        await bench.Grid.Grains.GetGrain<ITenantGrain>("tenant").SetAsync(new TenantSettings());
        return bench;
    }

    [Fact]
    public async Task Builds_beyond_the_number_of_an_app_are_forgotten_everywhere_and_the_rest_goes_on()
    {
        await using var bench = await StartAsync(servers, new RetentionOptions { KeepBuildsPerApp = 2, Grace = TimeSpan.Zero });
        var ids = new List<string>();
        for (var n = 0; n < 4; n++)
        {
            ids.Add(await SubmitAsync(bench));
            await bench.Artifacts.WriteAsync("tenant/" + ids[^1], ArtifactPart.Export, [new ArtifactFile("report.toml", default)], RetentionBench.Token);
            await bench.Grid.EndAsync("tenant/" + ids[^1]);
        }
        var other = await SubmitAsync(bench, "other");
        await bench.Grid.EndAsync("tenant/" + other);

        (await bench.CollectAsync()).Tally.Builds.ShouldBe(2);

        var desk = Desk(bench);
        (await desk.ListAsync("tenant", null, null, 50)).Items.Select(b => b.Id).ShouldBe([other, ids[3], ids[2]]);
        foreach (var id in ids.Take(2))
        {
            (await Should.ThrowAsync<ApiException>(desk.GetAsync("tenant", id))).Code.ShouldBe("not-found");
            (await Should.ThrowAsync<ApiException>(desk.FindAsync("tenant", id))).Code.ShouldBe("not-found");
            bench.Removed.Keys.ShouldContain("tenant/" + id);
            (await bench.Artifacts.ReadAsync("tenant/" + id, RetentionBench.Token)).ShouldBeEmpty();
            bench.Grid.Storage.Keys.ShouldNotContain(k => k.Contains("tenant/" + id, StringComparison.Ordinal));
        }
        (await bench.Artifacts.ReadAsync("tenant/" + ids[3], RetentionBench.Token)).ShouldHaveSingleItem();
        (await bench.Grid.Grains.GetGrain<IAppGrain>("tenant/app").GetAsync()).Builds.Select(b => b.BuildKey).ShouldBe(["tenant/" + ids[3], "tenant/" + ids[2]]);
        // The step that the first one ran is cached as before.
        var next = await SubmitAsync(bench, buildId: "replay=last");
        var end = await bench.Grid.EndAsync("tenant/" + next);
        end.State.ShouldBe(BuildState.Succeeded, end.Failure?.Message);
        bench.Grid.Events.Of("tenant/" + next).OfType<StepFinished>().Single(s => s.Step.Text == "RUN tools").Source.ShouldBe(StepSource.Cached);
        (await bench.CollectAsync()).Tally.Builds.ShouldBe(1);
    }

    [Fact]
    public async Task Old_builds_are_forgotten_but_for_those_that_run_and_the_newest_of_an_app()
    {
        await using var bench = await StartAsync(servers, new RetentionOptions { KeepBuilds = TimeSpan.Zero, Grace = TimeSpan.Zero });
        var first = await SubmitAsync(bench);
        await bench.Grid.EndAsync("tenant/" + first);
        var newest = await SubmitAsync(bench);
        await bench.Grid.EndAsync("tenant/" + newest);
        var never = new BuildEntry(Guid.CreateVersion7().ToString("N"), "lost", "registry.example/lost", TimeProvider.System.GetUtcNow(), "key:1", "hash");
        await Index(bench, "tenant").AddAsync(never);
        await Index(bench, "tenant/lost").AddAsync(never);
        bench.Grid.Node.Holds = i => i is BuildWork;
        var running = await SubmitAsync(bench);
        await bench.Grid.Node.StartedAsync<BuildWork>(w => w.BuildKey == "tenant/" + running);

        (await bench.CollectAsync()).Tally.Builds.ShouldBe(2);

        (await Desk(bench).ListAsync("tenant", null, null, 50)).Items.Select(b => b.Id).ShouldBe([running, newest]);
        (await Desk(bench).AppsAsync("tenant")).ShouldBe(["app"]);
        bench.Grid.Node.Finish(bench.Grid.Node.Started.OfType<BuildWork>().Last());
        (await bench.Grid.EndAsync("tenant/" + running)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task An_upload_whose_content_was_collected_is_not_taken_for_one_that_is_here()
    {
        await using var bench = await StartAsync(servers, RetentionBench.Short);
        var uploads = new Uploads(new ContentStore(Path.Combine(_directory, "content")), new TieredContent(new ContentStore(Path.Combine(_directory, "content")), bench.Tier), bench.Grid.Grains, new ApiOptions { DataDirectory = _directory }, TimeProvider.System);
        var digest = await bench.PutAsync("source");
        await bench.Grid.Grains.GetGrain<IUploadGrain>($"tenant/{digest.Hex}").CompleteAsync(6);
        (await uploads.IsHereAsync("tenant", digest)).ShouldBeTrue();
        await bench.AgeAsync();
        (await bench.CollectAsync()).Tally.Blobs.ShouldBe(1);

        (await uploads.IsHereAsync("tenant", digest)).ShouldBeFalse();
    }
}
