using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Api.Queues;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Dashboard.Pages;
using Microsoft.AspNetCore.Http;

namespace Grid.Dashboard;

/// <summary>One build, and two of them side by side.</summary>
internal static class BuildPages
{
    public static async Task<IResult> GetAsync(string tenant, string build, HttpContext context, BuildDesk desk, BuildInspector inspector, QueueDesk queues)
    {
        var found = await desk.GetAsync(tenant, build);
        return GridDashboard.Page<BuildPage>(new
        {
            Caller = context.GetCaller(),
            Build = found,
            Details = await inspector.GetAsync(tenant, build),
            Place = found.State == BuildState.Queued ? await queues.FindAsync(tenant, build) : null,
        });
    }

    public static async Task<IResult> CompareAsync(string tenant, string one, string other, HttpContext context, BuildDesk desk, IBuildEvents events, CancellationToken cancellationToken)
    {
        var stories = await Task.WhenAll(new[] { one, other }.Select(async id =>
        {
            var build = await desk.GetAsync(tenant, id);
            return build.State is BuildState.Running or BuildState.Queued
                ? throw new ApiException(ProblemCode.InvalidRequest, $"build {id} has not ended yet; compare it when it has")
                : await BuildStory.ReadAsync(build, events.WatchAsync(BuildDesk.KeyOf(tenant, id), cancellationToken), cancellationToken);
        }));
        return GridDashboard.Page<ComparePage>(new { Caller = context.GetCaller(), Tenant = tenant, Builds = new BuildComparison(stories[0], stories[1]) });
    }

    public static async Task<IResult> CancelAsync(string tenant, string build, HttpContext context, BuildDesk desk)
    {
        await desk.CancelAsync(tenant, build, context.GetCaller());
        return Results.Redirect(Show.BuildPath(tenant, build));
    }

    public static async Task<IResult> RetryAsync(string tenant, string build, HttpContext context, BuildDesk desk) =>
        Results.Redirect(Show.BuildPath(tenant, (await desk.RetryAsync(tenant, build, context.GetCaller())).Id));
}
