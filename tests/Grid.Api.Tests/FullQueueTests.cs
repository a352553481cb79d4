using System.Net;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Grains.Machines.Queues;
using Grid.Grains.Queues;
using Grid.Grains.Tests.Cluster;
using Grid.Oci;

namespace Grid.Api.Tests;

/// <summary>An API whose pool has one slot, and room for one build that waits.</summary>
public sealed class SmallQueueApi : ApiUnderTest
{
    internal override async Task<TestGrid> StartGridAsync()
    {
        var grid = await TestGrid.StartAsync(slots: 1, queues: new QueueOptions
        {
            Tick = TimeSpan.FromMilliseconds(100),
            Recall = TimeSpan.FromSeconds(1),
            BacklogPeriod = TimeSpan.Zero,
            Limits = new QueueLimits { Queued = 1 },
        });
        grid.Node.Holds = item => item is AnalyzeWork;
        return grid;
    }
}

public sealed class FullQueueTests : IAsyncLifetime
{
    private readonly SmallQueueApi _api = new();
    private static readonly byte[] Source = "source"u8.ToArray();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static BuildSubmission Submission(string app) => new()
    {
        Image = $"registry.example/team/{app}:v1",
        Builder = "registry.example/builder:1",
        Source = new SourceUpload(Digest.Compute(Source).ToString(), Digest.Compute("tar"u8).ToString(), Source.Length, "application/vnd.oci.image.layer.v1.tar+gzip"),
    };

    [Fact]
    public async Task Submit_ToAFullQueue_Is429WithRetryAfter_AndLeavesNothing()
    {
        var client = await _api.AsAsync("red", Role.Builder);
        using (var bytes = new MemoryStream(Source))
            await client.UploadAsync("red", Digest.Compute(Source).ToString(), bytes, Stop);
        var running = await client.SubmitBuildAsync("red", Submission("running"), "running", Stop);
        var waiting = await client.SubmitBuildAsync("red", Submission("waiting"), "waiting", Stop);
        waiting.State.ShouldBe(BuildState.Queued);

        var error = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", Submission("late"), "late", Stop));

        error.Status.ShouldBe(HttpStatusCode.TooManyRequests);
        error.Problem!.Code.ShouldBe("queue-full");
        error.Problem.Detail!.ShouldContain("the queue is full: 1 builds wait");
        error.RetryAfter.ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.Zero);
        (await IdsAsync(client, "red")).ShouldBe([waiting.Id, running.Id]);
        (await client.ListAppsAsync("red", Stop)).Items.ShouldBe(["team/running", "team/waiting"]);
        _api.Grid.Storage.Keys.ShouldNotContain(k => k.Contains("team/late", StringComparison.Ordinal));

        // Those that were accepted are answered as ever, and one that takes the place of a build that waits needs no room.
        (await client.SubmitBuildAsync("red", Submission("waiting"), "waiting", Stop)).Id.ShouldBe(waiting.Id);
        var newer = await client.SubmitBuildAsync("red", Submission("waiting") with { BuildId = Guid.NewGuid().ToString() }, "newer", Stop);
        newer.State.ShouldBe(BuildState.Queued);

        // When there is room, the same key builds.
        _api.Grid.Node.Holds = _ => false;
        foreach (var held in _api.Grid.Node.Started.OfType<AnalyzeWork>())
            _api.Grid.Node.Finish(held);
        await _api.Grid.EndAsync($"red/{newer.Id}");
        var late = await client.SubmitBuildAsync("red", Submission("late"), "late", Stop);
        (await _api.Grid.EndAsync($"red/{late.Id}")).State.ShouldBe(BuildState.Succeeded);
        (await client.SubmitBuildAsync("red", Submission("late"), "late", Stop)).Id.ShouldBe(late.Id);
    }

    [Fact]
    public async Task Submits_AtOnce_LeaveExactlyWhatWasAccepted()
    {
        var client = await _api.AsAsync("blue", Role.Builder);
        using (var bytes = new MemoryStream(Source))
            await client.UploadAsync("blue", Digest.Compute(Source).ToString(), bytes, Stop);
        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(async n =>
        {
            try
            {
                // Each key is used twice, by requests that overlap.
                return (await client.SubmitBuildAsync("blue", Submission($"app{n / 2}"), $"key{n / 2}", Stop)).Id;
            }
            catch (GridApiException e) when (e.Problem?.Code == "queue-full")
            {
                return null;
            }
        }));

        var accepted = answers.OfType<string>().Distinct().ToList();
        accepted.Count.ShouldBeGreaterThan(0);
        (await IdsAsync(client, "blue")).ShouldBe(accepted, ignoreOrder: true);
        (await client.ListBuildsAsync("blue", null, null, 50, Stop)).Items.ShouldAllBe(b => b.State != BuildState.Unknown && b.State != BuildState.Refused);
        (await client.ListAppsAsync("blue", Stop)).Items.Count.ShouldBe(accepted.Count);
    }

    private static async Task<List<string>> IdsAsync(GridClient client, string tenant) =>
        [.. (await client.ListBuildsAsync(tenant, null, null, 50, Stop)).Items.Select(b => b.Id)];
}
