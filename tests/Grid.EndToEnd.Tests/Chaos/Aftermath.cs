using System.Text;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>What must be true when everything works again and all builds have ended.</summary>
internal static class Aftermath
{
    /// <summary>Everything that is wrong with the builds of a load; each must have succeeded.</summary>
    public static async Task<IReadOnlyList<string>> ProblemsAsync(ChaosGrid grid, BuildLoad load, IReadOnlyDictionary<AcceptedBuild, BuildResource> ends, CancellationToken cancellationToken)
    {
        var problems = new List<string>();
        var journals = await ReadAsync(grid, ends, cancellationToken);
        foreach (var build in load.Accepted)
        {
            var end = ends[build];
            if (end.State != BuildState.Succeeded)
            {
                problems.Add($"{build.Source} ({build.Id}): {end.State}: {end.Failure?.Message}\n{end.Failure?.Output}");
                continue;
            }
            problems.AddRange(journals.ProblemsOf(build.Id).Select(p => $"{build.Source} ({build.Id}): {p}"));
            var writes = WritesOf(grid.Registry, build.Image).ToList();
            if (writes.Count != 1)
                problems.Add($"{build.Source} ({build.Id}): {build.Image} was written {writes.Count} times: {string.Join(", ", writes.Select(w => w.From))}");
        }
        return problems;
    }

    /// <summary>Builds the same sources where nothing happens; what differs is a problem.</summary>
    public static async Task<IReadOnlyList<string>> DifferencesAsync(ChaosGrid grid, BuildLoad load, IReadOnlyDictionary<AcceptedBuild, BuildResource> ends, CancellationToken cancellationToken)
    {
        await using var calm = await grid.StartCalmNodeAsync(cancellationToken);
        var again = new BuildLoad(() => calm.Address, grid.ClientOf, grid.Builder, $"{grid.Registry.Host}/calm");
        foreach (var tenant in load.Accepted.Select(b => b.Source.Tenant).Distinct())
            await again.AddTenantAsync(tenant, cancellationToken);
        var differences = await Task.WhenAll(load.Accepted.GroupBy(b => (b.Source.Tenant, b.Source.App)).Select(async app =>
        {
            var found = new List<string>();
            foreach (var build in app.Where(b => ends[b].State == BuildState.Succeeded))
            {
                var expected = await again.EndAsync(await again.SubmitAsync(build.Source with { Holds = false }, cancellationToken), cancellationToken);
                if (expected.Digest != ends[build].Digest)
                    found.Add($"{build.Source} ({build.Id}) is another image: {await DescribeAsync(ends[build])}\n not {await DescribeAsync(expected)}");
            }
            return found;
        }));
        return [.. differences.SelectMany(d => d)];
    }

    /// <summary>Stops all nodes, once they are a cluster again, and looks for what they left.</summary>
    public static async Task<IReadOnlyList<string>> LeftoversAsync(ChaosGrid grid, CancellationToken cancellationToken)
    {
        while (!await grid.IsWholeAsync(cancellationToken))
        {
            await grid.SuperviseAsync(cancellationToken);
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
        }
        var codes = await Task.WhenAll(grid.Nodes.Select(n => n.StopAsync()));
        return [
            .. codes.Where(c => c != 0).Select(c => $"a node ended with {c}"),
            .. grid.Nodes.SelectMany(n => Leftovers.Of(n.Data, n.Data)),
            .. grid.Nodes.SelectMany(n => Leftovers.MountsElsewhere(n.Data)),
        ];
    }

    /// <summary>The journals, when the end of each build is in them: where the storage was away, a build's reminder writes it.</summary>
    private static async Task<Journals> ReadAsync(ChaosGrid grid, IReadOnlyDictionary<AcceptedBuild, BuildResource> ends, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            var journals = await Journals.ReadAsync(grid.Azurite, cancellationToken);
            if (patience.IsCancellationRequested || ends.Keys.All(b => journals.Of(b.Id).Any(e => e is BuildFinished)))
                return journals;
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
        }
    }

    private static IEnumerable<RegistryRequest> WritesOf(RegistryFaults registry, string image)
    {
        var name = image[(image.IndexOf('/', StringComparison.Ordinal) + 1)..].Split(':');
        return registry.Requests.Where(r => r is { Method: "PUT", Status: 201 } && r.Path == $"/v2/{name[0]}/manifests/{name[1]}");
    }

    // skopeo takes a tag or a digest.
    private static string WithoutTag(string location) => location.Split('@') is [var name, var digest] ? $"{name[..name.LastIndexOf(':')]}@{digest}" : location;

    private static async Task<string> DescribeAsync(BuildResource build)
    {
        var text = new StringBuilder(build.Digest ?? $"{build.State} {build.Failure?.Message}");
        foreach (var location in build.Locations.Take(1))
        {
            foreach (var kind in new[] { "--raw", "--config" })
                text.Append('\n').Append(await Tool.RunAsync("skopeo", "inspect", "--tls-verify=false", "--raw", kind, "docker://" + WithoutTag(location)));
        }
        return text.ToString();
    }
}
