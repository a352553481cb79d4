using System.Text.Json;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Cli.Remote;

/// <summary><c>grid cache</c> on a running grid: the steps of one tenant.</summary>
internal static class RemoteCache
{
    private const int Page = 200;

    /// <summary>Shows the tenant's cached steps.</summary>
    public static async Task ListAsync(ServerContext server, bool json, CancellationToken cancellationToken)
    {
        using var grid = new RemoteGrid(server, "grid cache list");
        var steps = new List<CachedStepResource>();
        for (string? after = null; ;)
        {
            var page = await grid.Client.ListCachedStepsAsync(server.Tenant, after, Page, cancellationToken);
            steps.AddRange(page.Items);
            if ((after = page.Next) is null)
                break;
        }
        if (json)
            Console.WriteLine(JsonSerializer.Serialize(steps, GridClient.Json));
        else
            CacheTables.WriteList(Console.Out, steps, TimeProvider.System.GetUtcNow());
    }

    /// <summary>What became of the steps of a build, the last one for null.</summary>
    public static async Task<(string Build, IReadOnlyList<StepHistory> Steps)> WhyAsync(ServerContext server, string? build, CancellationToken cancellationToken)
    {
        using var grid = new RemoteGrid(server, "grid cache why");
        var wanted = build ?? ((await grid.Client.ListBuildsAsync(server.Tenant, null, null, 1, cancellationToken)).Items is [var last, ..] ? last.Id : null)
            ?? throw new LifecycleException(ExitCode.InvalidArgs, $"tenant {server.Tenant} has no builds");
        var details = await grid.Client.GetBuildDetailsAsync(server.Tenant, wanted, cancellationToken);
        return (wanted, [.. details.Dockerfiles.SelectMany(HistoryOf).OrderBy(s => s.Phase).ThenBy(s => s.Step.Number)]);
    }

    /// <summary>Forgets all of the tenant's steps that no build runs.</summary>
    public static async Task ForgetAsync(ServerContext server, bool json, CancellationToken cancellationToken)
    {
        using var grid = new RemoteGrid(server, "grid cache prune");
        var done = await grid.Client.PruneCachedStepsAsync(server.Tenant, new CachePruneRequest(), cancellationToken);
        Console.WriteLine(json ? JsonSerializer.Serialize(done, GridClient.Json) : $"Removed {done.Steps} cached steps with {Words.Bytes(done.Bytes)} of layers; the layers go with the next collections");
    }

    private static IEnumerable<StepHistory> HistoryOf(DockerfileResource dockerfile) => dockerfile.Steps.Where(s => s.Source != Contracts.Events.StepSource.Config).Select(s => new StepHistory
    {
        Phase = dockerfile.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun,
        Step = new StepName { Kind = dockerfile.Kind, Extension = dockerfile.Extension, File = dockerfile.File, Line = s.Line, Text = s.Text, Number = s.Number, Total = dockerfile.Steps.Max(all => all.Number) },
        Source = s.Source,
        Miss = s.Miss,
    });
}
