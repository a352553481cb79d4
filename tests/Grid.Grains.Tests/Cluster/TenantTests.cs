using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Grains.Tests.Cluster;

/// <summary>What a tenant's settings do to builds that no API has looked at.</summary>
public sealed class TenantTests : IAsyncLifetime
{
    private TestGrid _grid = null!;

    private ITenantGrain Tenant => _grid.Grains.GetGrain<ITenantGrain>("tenant");

    public async ValueTask InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task Submit_AgainstThePolicy_IsRefusedAndKeepsNothing()
    {
        await Tenant.SetAsync(new TenantSettings { AllowedBuilders = ["registry.example/other"] });
        var key = TestGrid.NewKey();

        var status = await _grid.Build(key).SubmitAsync(Samples.Request());

        status.State.ShouldBe(BuildState.Refused);
        status.Failure!.Code.ShouldBe("policy-violation");
        status.Failure.Message.ShouldContain("registry.example/other");
        (await _grid.Build(key).GetRequestAsync()).ShouldBeNull();
        // What was changed is allowed from then on.
        await Tenant.SetAsync(new TenantSettings());
        (await _grid.Build(key).SubmitAsync(Samples.Request())).State.ShouldNotBe(BuildState.Refused);
        await _grid.EndAsync(key);
    }

    [Fact]
    public async Task Extension_ThatIsNotAllowed_EndsTheBuildBeforeItsDockerfileIsApplied()
    {
        await Tenant.SetAsync(new TenantSettings { AllowedExtensions = ["samples/other"] });
        _grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN true\n"));
        var key = await _grid.SubmitAsync();

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Failed);

        var failure = (await _grid.Build(key).GetStatusAsync()).Failure!;
        failure.Code.ShouldBe("policy-violation");
        failure.Phase.ShouldBe(Phase.Detect);
        failure.Message.ShouldContain("samples/other, not samples/tools@1.0");
        _grid.Node.Started.OfType<StepWork>().ShouldBeEmpty();
    }

    [Fact]
    public async Task Minutes_OfTheMonth_AreCountedAndBound()
    {
        await Tenant.SetAsync(new TenantSettings { MaxBuildMinutes = 1 });
        var first = await _grid.SubmitAsync();
        (await _grid.EndAsync(first)).State.ShouldBe(BuildState.Succeeded);
        var usage = _grid.Grains.GetGrain<ITenantUsageGrain>(TenantUsage.KeyOf("tenant", TimeProvider.System.GetUtcNow()));
        while ((await usage.GetAsync()).Builds == 0)
            await Task.Yield();
        // Told again, as after a lost answer, it counts once.
        await usage.AddAsync(first, 1000);
        (await usage.GetAsync()).Builds.ShouldBe(1);
        await usage.AddAsync("tenant/long", 60);

        var status = await _grid.Build(TestGrid.NewKey()).SubmitAsync(Samples.Request());

        status.State.ShouldBe(BuildState.Refused);
        status.Failure!.Code.ShouldBe("quota-exceeded");
        status.Failure.Message.ShouldContain("maxBuildMinutes");
    }

    [Fact]
    public async Task Running_AtTheTenantsBound_Waits()
    {
        await Tenant.SetAsync(new TenantSettings { MaxRunningBuilds = 1 });
        _grid.Node.Holds = i => i is AnalyzeWork;
        var first = await _grid.SubmitAsync(Samples.Request("one"));
        var second = await _grid.SubmitAsync(Samples.Request("two"));

        (await _grid.Build(second).GetStatusAsync()).State.ShouldBe(BuildState.Queued);
        (await _grid.Queue.FindAsync(second))!.Reason.ShouldContain("tenant tenant has 1 builds running");
        var held = await _grid.Node.StartedAsync<AnalyzeWork>(a => a.BuildKey == first);
        _grid.Node.Holds = _ => false;
        _grid.Node.Finish(held);
        (await _grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task SetIf_WithAnotherVersion_ChangesNothing()
    {
        (await Tenant.SetIfAsync(new TenantSettings(), 1)).ShouldBeNull();
        (await Tenant.SetIfAsync(new TenantSettings { Weight = 2 }, 0))!.Version.ShouldBe(1);
        (await Tenant.SetIfAsync(new TenantSettings { Weight = 3 }, 0)).ShouldBeNull();
        (await Tenant.SetIfAsync(new TenantSettings { Weight = 4 }, 1))!.Version.ShouldBe(2);
        (await Tenant.GetAsync())!.Settings.Weight.ShouldBe(4);
    }
}
