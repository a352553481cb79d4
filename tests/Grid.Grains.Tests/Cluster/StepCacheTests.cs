using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;

namespace Grid.Grains.Tests.Cluster;

public sealed class StepCacheTests : IAsyncLifetime
{
    private const string From = "ARG base_image\nFROM ${base_image}\n";
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    private void Extends(string text) => _grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, From + text));

    private IEnumerable<StepSource> Sources(string key) => _grid.Events.Of(key).OfType<StepFinished>().Select(e => e.Source);

    private int Runs => _grid.Node.Started.OfType<StepWork>().Count();

    [Fact]
    public async Task Two_builds_with_the_same_step_run_it_once_and_the_second_is_told()
    {
        Extends("RUN slow\n");
        _grid.Node.Holds = i => i is StepWork;
        var first = await _grid.SubmitAsync(Samples.Request("one"));
        var step = await _grid.Node.StartedAsync<StepWork>();
        var second = await _grid.SubmitAsync(Samples.Request("two"));
        (await _grid.Events.FirstAsync<StepStarted>(second)).WaitsForAnother.ShouldBeTrue();
        _grid.Node.Finish(step);

        (await _grid.EndAsync(first)).State.ShouldBe(BuildState.Succeeded);
        (await _grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
        Sources(first).ShouldBe([StepSource.Ran]);
        Sources(second).ShouldBe([StepSource.Shared]);
        Runs.ShouldBe(1);
        _grid.Node.Started.OfType<ExportWork>().Select(e => e.RunImage.Added.Single().Layer).Distinct().Count().ShouldBe(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_runners_failure_or_cancel_hands_the_step_to_the_waiter(bool cancel)
    {
        Extends("RUN slow\n");
        _grid.Node.Holds = i => i is StepWork;
        var first = await _grid.SubmitAsync(Samples.Request("one"));
        var step = await _grid.Node.StartedAsync<StepWork>();
        var second = await _grid.SubmitAsync(Samples.Request("two"));
        await _grid.Events.FirstAsync<StepStarted>(second, e => e.WaitsForAnother);
        if (cancel)
            await _grid.Build(first).CancelAsync("stop");
        else
            _grid.Node.Finish(step, new Failure(104, "network"));
        var again = await _grid.Node.StartedAsync<StepWork>(s => s.BuildKey == second);
        _grid.Node.Finish(again);

        (await _grid.EndAsync(first)).State.ShouldBe(cancel ? BuildState.Cancelled : BuildState.Failed);
        (await _grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
        Sources(second).ShouldBe([StepSource.Ran]);
    }

    [Fact]
    public async Task A_waiter_that_is_cancelled_ends_without_waiting()
    {
        Extends("RUN slow\n");
        _grid.Node.Holds = i => i is StepWork;
        var first = await _grid.SubmitAsync(Samples.Request("one"));
        var step = await _grid.Node.StartedAsync<StepWork>();
        var second = await _grid.SubmitAsync(Samples.Request("two"));
        await _grid.Events.FirstAsync<StepStarted>(second, e => e.WaitsForAnother);
        await _grid.Build(second).CancelAsync("stop");

        (await _grid.EndAsync(second)).State.ShouldBe(BuildState.Cancelled);
        _grid.Node.Finish(step);
        (await _grid.EndAsync(first)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    [Decision(21)]
    public async Task A_hit_is_used_unless_its_layer_is_gone()
    {
        Extends("RUN once\n");
        var first = await _grid.SubmitAsync();
        await _grid.EndAsync(first);
        var second = await _grid.SubmitAsync();
        await _grid.EndAsync(second);
        Sources(second).ShouldBe([StepSource.Cached]);
        Runs.ShouldBe(1);

        _grid.Node.Lost[_grid.Node.Started.OfType<ExportWork>().Last().RunImage.Added.Single().Layer.Blob.Digest] = "its cached layer was damaged";
        var third = await _grid.SubmitAsync();
        await _grid.EndAsync(third);
        Sources(third).ShouldBe([StepSource.Ran]);
        _grid.Events.Of(third).OfType<StepStarted>().Single().MissReason.ShouldBe("its cached layer was damaged");

        var fourth = await _grid.SubmitAsync();
        await _grid.EndAsync(fourth);
        Sources(fourth).ShouldBe([StepSource.Cached]);
        Runs.ShouldBe(2);
    }

    [Fact]
    public async Task Refresh_runs_cached_steps_again_and_later_builds_use_the_new_layer()
    {
        Extends("RUN once\n");
        await _grid.EndAsync(await _grid.SubmitAsync());
        var refreshing = await _grid.SubmitAsync(Samples.Request() with { RefreshExtensions = true });
        await _grid.EndAsync(refreshing);
        Sources(refreshing).ShouldBe([StepSource.Ran]);
        _grid.Events.Of(refreshing).OfType<StepStarted>().Single().MissReason!.ShouldContain("refresh");

        var later = await _grid.SubmitAsync();
        await _grid.EndAsync(later);
        Sources(later).ShouldBe([StepSource.Cached]);
        var layers = _grid.Node.Started.OfType<ExportWork>().ToDictionary(e => e.BuildKey, e => e.RunImage.Added.Single().Layer);
        layers[later].ShouldBe(layers[refreshing]);
    }

    [Fact]
    [Decision(22)]
    public async Task Build_id_makes_a_step_new_only_below_the_line_that_declares_it()
    {
        Extends("RUN above\nARG build_id=0\nRUN below\n");
        await _grid.EndAsync(await _grid.SubmitAsync());
        var second = await _grid.SubmitAsync();
        await _grid.EndAsync(second);

        Sources(second).ShouldBe([StepSource.Cached, StepSource.Config, StepSource.Ran]);
        _grid.Events.Of(second).OfType<StepStarted>().Single().MissReason!.ShouldContain("build_id");
    }

    [Fact]
    [Spec("image_extension/args.build-id")]
    [Decision(22)]
    public async Task Build_id_is_a_new_UUID_for_each_build()
    {
        Extends("ARG build_id=0\nRUN below\n");
        await _grid.EndAsync(await _grid.SubmitAsync());
        await _grid.EndAsync(await _grid.SubmitAsync());

        var ids = _grid.Node.Started.OfType<StepWork>().SelectMany(work => ((RunStep)work.Input.Step).Environment).Where(line => line.StartsWith("build_id=", StringComparison.Ordinal))
            .Select(line => line["build_id=".Length..]).Distinct().ToList();

        ids.Count.ShouldBe(2);
        ids.ForEach(id => Guid.TryParse(id, out _).ShouldBeTrue());
    }

    [Fact]
    [Decision(22)]
    public async Task Build_id_that_is_given_hits()
    {
        Extends("ARG build_id=0\nRUN below\n");
        var request = Samples.Request() with { BuildId = "3f0e1f0e-0000-4000-8000-000000000001" };
        await _grid.EndAsync(await _grid.SubmitAsync(request));
        var second = await _grid.SubmitAsync(request);
        await _grid.EndAsync(second);

        Sources(second).ShouldBe([StepSource.Config, StepSource.Cached]);
    }

    [Fact]
    public async Task The_reason_of_a_miss_names_what_changed()
    {
        Extends("RUN one\n");
        var first = await _grid.SubmitAsync();
        await _grid.EndAsync(first);
        _grid.Events.Of(first).OfType<StepStarted>().Single().MissReason.ShouldBe("no build has run it before");

        Extends("RUN two\n");
        var second = await _grid.SubmitAsync();
        await _grid.EndAsync(second);
        var reason = _grid.Events.Of(second).OfType<StepStarted>().Single().MissReason!;
        reason.ShouldEndWith("changed");
        reason.ShouldContain("instruction", Case.Insensitive);
    }

    [Fact]
    public async Task Prior_build_metadata_and_cache_reach_the_next_build()
    {
        Extends("RUN one\n");
        await _grid.EndAsync(await _grid.SubmitAsync());
        var record = (await _grid.Grains.GetGrain<IAppGrain>("tenant/app").GetAsync()).Extensions.Single();
        record.ExtensionId.ShouldBe("samples/tools");
        record.BaseImage.ShouldBe(Samples.DigestOf("run"));
        record.Steps.Single().DiffId.ShouldBe(Samples.LayerOf(_grid.Node.Started.OfType<StepWork>().Single().Handle).DiffId);

        var second = await _grid.SubmitAsync();
        await _grid.EndAsync(second);
        _grid.Node.Started.OfType<RestoreWork>().Single(r => r.BuildKey == second).Cache!.Buildpacks.Count.ShouldBe(1);
        _grid.Node.Started.OfType<BuildWork>().Single(r => r.BuildKey == second).Cache!.Buildpacks.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Tenants_do_not_share_steps()
    {
        Extends("RUN one\n");
        await _grid.EndAsync(await _grid.SubmitAsync());
        var other = await _grid.SubmitAsync(Samples.Request() with { Tenant = "other" });
        await _grid.EndAsync(other);

        Sources(other).ShouldBe([StepSource.Ran]);
    }

    [Fact]
    public async Task A_step_that_changes_no_file_is_cached_without_a_layer()
    {
        Extends("RUN true\n");
        _grid.Node.Script = i => i is StepWork ? new StepDone(null) { RootUsers = [] } : null;
        await _grid.EndAsync(await _grid.SubmitAsync());
        var second = await _grid.SubmitAsync();
        await _grid.EndAsync(second);

        Sources(second).ShouldBe([StepSource.Cached]);
        _grid.Node.Started.OfType<ExportWork>().Last().RunImage.Added.ShouldBeEmpty();
    }

    [Fact]
    [Spec("platform/extend.root")]
    public async Task A_run_image_that_would_end_as_root_fails_its_build_with_the_extension_named()
    {
        Extends("USER root\nRUN one\n");
        var end = await _grid.EndAsync(await _grid.SubmitAsync());

        end.State.ShouldBe(BuildState.Failed);
        end.Failure!.Phase.ShouldBe(Phase.ExtendRun);
        end.Failure.Message.ShouldContain("samples/tools");
    }

    [Fact]
    public async Task A_write_that_fails_at_the_end_of_a_step_neither_loses_the_step_nor_the_build()
    {
        Extends("RUN one\nRUN two\n");
        var failed = 0;
        _grid.Storage.BeforeWrite = (name, id) =>
        {
            if (name == "step" && _grid.Node.Started.OfType<StepWork>().Count() == 2 && Interlocked.Exchange(ref failed, 1) == 0)
                throw new IOException("disk full");
        };
        var key = await _grid.SubmitAsync();

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        failed.ShouldBe(1);
        Runs.ShouldBe(2);
    }
}
