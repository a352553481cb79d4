using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Grid.Api.Builds;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;

namespace Grid.Api.Queues;

/// <summary>Queues as callers see them: a pool whole for who runs the grid, and of a pool what is a tenant's own. Used by routes and pages.</summary>
public sealed class QueueDesk(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Most waiting builds that are told of.</summary>
    public const int MaxWaiting = 1000;

    /// <summary>Kind of the events that say only that nothing has changed.</summary>
    private const string Still = "still";

    /// <summary>News come no closer together, however fast the queue changes.</summary>
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(500);

    /// <summary>How long nothing is looked at where the queue cannot say when it changes.</summary>
    private static readonly TimeSpan Blind = TimeSpan.FromSeconds(5);

    /// <summary>The queue's grain, or the same 404 as for a pool that nobody may see.</summary>
    private IQueueGrain Grain(string pool) => Names.IsTenant(pool) ? grains.GetGrain<IQueueGrain>(pool) : throw ApiException.NotFound();

    /// <summary>All pools at a glance: those that have or had nodes, and the one that builds go to when nothing else is said.</summary>
    public async Task<IReadOnlyList<PoolSummaryResource>> PoolsAsync()
    {
        var joined = await grains.GetGrain<IPoolDirectoryGrain>(IPoolDirectoryGrain.Key).ListAsync();
        var names = joined.Append(BuildRequest.DefaultPool).Distinct().Order(StringComparer.Ordinal);
        return await Task.WhenAll(names.Select(async name => Summarize(name, await Grain(name).GetStatusAsync(0))));
    }

    /// <summary>Nodes and queue of a pool.</summary>
    public async Task<PoolResource> PoolAsync(string pool, int waiting = MaxWaiting) => Describe(await Grain(pool).GetStatusAsync(waiting));

    /// <summary>What of a pool's queue is a tenant's own.</summary>
    public async Task<QueueResource> TenantAsync(string tenant, string pool = BuildRequest.DefaultPool) => OwnOf(tenant, await Grain(pool).GetStatusAsync(MaxWaiting));

    /// <summary>Where a waiting build stands; null when it does not wait.</summary>
    public async Task<QueuePlaceResource?> FindAsync(string tenant, string build)
    {
        var request = await grains.GetGrain<IBuildGrain>(BuildDesk.KeyOf(tenant, build)).GetRequestAsync() ?? throw ApiException.NotFound();
        return await Grain(request.Pool).FindAsync(BuildDesk.KeyOf(tenant, build)) is { } place ? Describe(place) : null;
    }

    /// <summary>Switches whether a node gets new builds.</summary>
    public async Task<NodeResource> DrainAsync(string pool, string node, bool drain)
    {
        var queue = Grain(pool);
        // A name that is none would be remembered for ever, and nobody would notice the slip.
        if (!(await queue.GetStatusAsync(0)).Nodes.Any(n => n.Node.Node == node))
            throw ApiException.NotFound();
        await queue.DrainAsync(node, drain);
        return (await queue.GetStatusAsync(0)).Nodes.Where(n => n.Node.Node == node).Select(Describe).FirstOrDefault() ?? throw ApiException.NotFound();
    }

    /// <summary>A pool now and whenever it has changed since <paramref name="known"/>.</summary>
    public IAsyncEnumerable<SseItem<PoolResource?>> WatchPoolAsync(string pool, string? known, CancellationToken cancellationToken) => WatchAsync(pool, known, Describe, TagOf, cancellationToken);

    /// <summary>A tenant's part of a pool's queue, now and whenever it has changed since <paramref name="known"/>.</summary>
    public IAsyncEnumerable<SseItem<QueueResource?>> WatchTenantAsync(string tenant, string pool, string? known, CancellationToken cancellationToken) =>
        WatchAsync(pool, known, status => OwnOf(tenant, status), TagOf, cancellationToken);

    /// <summary>Names what a reader has seen: another tag for anything that differs but for when nodes spoke last.</summary>
    public static string TagOf(PoolResource pool) => Tag(pool with { Nodes = [.. pool.Nodes.Select(n => n with { LastSeen = default })] });

    /// <inheritdoc cref="TagOf(PoolResource)"/>
    public static string TagOf(QueueResource queue) => Tag(queue);

    private async IAsyncEnumerable<SseItem<T?>> WatchAsync<T>(string pool, string? known, Func<QueueStatus, T> view, Func<T, string> tagOf, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class
    {
        var queue = Grain(pool);
        while (!cancellationToken.IsCancellationRequested)
        {
            var status = await queue.GetStatusAsync(MaxWaiting);
            var seen = view(status);
            var tag = tagOf(seen);
            // Also when there is nothing to tell: the reader learns that it is heard, and we that it is still there.
            yield return tag == known ? new SseItem<T?>(null, Still) : new SseItem<T?>(seen) { EventId = tag };
            known = tag;
            await Task.Delay(Calm, time, cancellationToken);
            if (status.Version == 0)
                await Task.Delay(Blind, time, cancellationToken);
            else
                await queue.WaitForChangeAsync(status.Version).WaitAsync(cancellationToken);
        }
    }

    private static string Tag<T>(T view) => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(view)))[..16];

    private static PoolResource Describe(QueueStatus status) => new(QueueOf(status), [.. status.Nodes.OrderBy(n => n.Node.Node, StringComparer.Ordinal).Select(Describe)]);

    private static QueueResource OwnOf(string tenant, QueueStatus status)
    {
        var all = QueueOf(status);
        QueuePlaceResource[] waiting = [.. all.Waiting.Where(w => w.Build.StartsWith(tenant + "/", StringComparison.Ordinal))];
        return new QueueResource { Running = [.. all.Running.Where(r => r.Build.StartsWith(tenant + "/", StringComparison.Ordinal))], WaitingCount = waiting.Length, Waiting = waiting };
    }

    private static PoolSummaryResource Summarize(string name, QueueStatus status) => new()
    {
        Name = name, Waiting = status.WaitingCount, Running = status.Running.Length, Nodes = status.Nodes.Length, Draining = status.Nodes.Count(n => n.Draining),
        Slots = status.Nodes.Sum(n => n.Slots), Used = status.Nodes.Sum(n => n.Used),
    };

    /// <summary>What runs and what waits.</summary>
    private static QueueResource QueueOf(QueueStatus status) => new()
    {
        Running = [.. status.Running.OrderBy(r => r.Since).Select(r => new RunningBuildResource(
            r.Build.BuildKey, r.Build.App, r.Build.Class, r.Placement.Home?.Node, r.Placement.RunExtension?.Node, r.Since))],
        WaitingCount = status.WaitingCount,
        Waiting = [.. status.Waiting.Select(Describe)],
    };

    private static NodeResource Describe(NodeStatus node) => new()
    {
        Name = node.Node.Node, Slots = node.Slots, Used = node.Used, Guests = node.Guests, Draining = node.Draining, LastSeen = node.LastSeen, Labels = node.Labels, Warm = node.Warm,
    };

    private static QueuePlaceResource Describe(QueuePlace place) => new(place.BuildKey, place.Position, place.Reason, place.Estimate?.TotalSeconds, place.Since);
}
