using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Machines;
using Grid.Grains.Steps;

namespace Grid.Grains.Tests.Cluster;

/// <summary>What tenants share, and what a miss says of the nearest step.</summary>
public sealed class StepSharingTests
{
    private const string From = "ARG base_image\nFROM ${base_image}\n";

    private static readonly StepCacheOptions Sharing = new()
    {
        Shared = new SharedStepPolicy { TrustedImages = [Samples.DigestOf("builder"), Samples.DigestOf("run")], Extensions = [new SharedExtension("samples/tools", Network: true)] },
    };

    private static async Task<(TestGrid Grid, string First, string Second)> BuildTwiceAsync(string text)
    {
        var grid = await TestGrid.StartAsync(cache: Sharing);
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, From + text));
        var first = await grid.SubmitAsync();
        await grid.EndAsync(first);
        var second = await grid.SubmitAsync(Samples.Request() with { Tenant = "other" });
        await grid.EndAsync(second);
        return (grid, first, second);
    }

    private static IEnumerable<StepSource> Sources(TestGrid grid, string build) => grid.Events.Of(build).OfType<StepFinished>().Select(e => e.Source);

    [Fact]
    public async Task Tenants_share_a_step_of_which_every_input_is_the_platforms()
    {
        var (grid, _, second) = await BuildTwiceAsync("RUN install\n");
        await using var _ = grid;

        Sources(grid, second).ShouldBe([StepSource.Cached]);
    }

    [Fact]
    public async Task Tenants_do_not_share_a_step_that_depends_on_the_build()
    {
        var (grid, _, second) = await BuildTwiceAsync("RUN install\nARG build_id\nRUN again\n");
        await using var _ = grid;

        Sources(grid, second).ShouldBe([StepSource.Ran, StepSource.Config, StepSource.Ran]);
    }

    [Fact]
    public async Task A_miss_is_explained_by_the_nearest_step_of_any_app()
    {
        await using var grid = await TestGrid.StartAsync();
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, From + "ARG version=1\nRUN install\n"));
        var first = await grid.SubmitAsync(Samples.Request("one"));
        await grid.EndAsync(first);
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, From + "ARG version=2\nRUN install\n"));
        var second = await grid.SubmitAsync(Samples.Request("two"));
        await grid.EndAsync(second);

        var miss = grid.Events.Of(second).OfType<StepStarted>().Single().Miss!;
        miss.Reason.ShouldBe("ARG version changed");
        miss.NearestBuild.ShouldBe(first);
        miss.Changed.Single().After!.ShouldStartWith("sha256:");
        var step = grid.Node.Started.OfType<StepWork>().First();
        (await grid.Grains.GetGrain<IStepCatalogGrain>(new StepCatalogName("tenant", ImageKind.Run, step.Name.Extension).ToString()).ListAsync()).Length.ShouldBe(2);
    }
}
