using System.Collections.Concurrent;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Sandbox;
using Microsoft.Extensions.Logging;

namespace Grid.Worker;

/// <summary>
/// Sandboxes of this node that outlived its last silo, until somebody asks for their work or nobody does for too long; and those that would outlive this one.
/// </summary>
public sealed partial class SurvivingWorkTable(ISandboxRuntime sandboxes, BuildDirectories builds, WorkerOptions options, TimeProvider time, ILogger<SurvivingWorkTable> log)
{
    private readonly ConcurrentDictionary<string, int> _outliving = new(StringComparer.Ordinal);
    private DateTimeOffset? _found;

    /// <summary>What waits to be gone on with.</summary>
    public IReadOnlyList<SurvivingWork> Survivors => [.. Found.Select(s => new SurvivingWork(s.Identity.Owner, WorkIdentity.PhaseOf(s.Identity)))];

    /// <summary>Builds with sandboxes that would go on without this silo.</summary>
    public IReadOnlyList<string> Outliving => [.. _outliving.Where(o => o.Value > 0).Select(o => o.Key)];

    private IReadOnlyList<SurvivingSandbox> Found => (sandboxes as ISandboxSurvivors)?.Survivors ?? [];

    /// <summary>
    /// Removes what an earlier process left on this node but for what can be gone on with: for running buildpacks all that the build has, for steps their
    /// contexts.
    /// </summary>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        await sandboxes.RecoverAsync(cancellationToken);
        _found = time.GetUtcNow();
        var survivors = Survivors;
        builds.DeleteAllBut([.. survivors.Select(s => s.BuildKey)]);
        foreach (var build in survivors.GroupBy(s => s.BuildKey, StringComparer.Ordinal).Where(b => b.All(s => s.Phase != Phase.Build)))
            builds.Open(build.Key).Reset();
        foreach (var survivor in survivors)
            LogFound(survivor.Phase, survivor.BuildKey);
    }

    /// <summary>Work of a build begins; whether its sandbox outlives this silo is noted when that is known. It ends when the result is disposed.</summary>
    internal Outlived Begin(string buildKey) => new(this, buildKey);

    /// <summary>Ends what waits of a build and answers whether there was anything.</summary>
    /// <param name="buildKey">The build.</param>
    /// <param name="which">Those that are ended; all when null.</param>
    internal async Task<bool> EndAsync(string buildKey, Func<SandboxIdentity, bool>? which = null)
    {
        var doomed = Found.Where(s => s.Identity.Owner == buildKey && (which is null || which(s.Identity))).ToList();
        foreach (var survivor in doomed)
            await ((ISandboxSurvivors)sandboxes).EndAsync(survivor);
        return doomed.Count > 0;
    }

    /// <summary>Ends everything that waits.</summary>
    internal async Task EndAllAsync()
    {
        foreach (var build in Found.Select(s => s.Identity.Owner).Distinct().ToList())
            await EndAsync(build);
    }

    /// <summary>Ends what nobody asked for in time, with the directories of builds that nothing is done for here.</summary>
    /// <param name="isAtWork">Whether the node does something for a build.</param>
    internal async Task ReapAsync(Func<string, bool> isAtWork)
    {
        if (_found is not { } found || time.GetUtcNow() - found < options.AdoptTime)
            return;
        foreach (var build in Found.Select(s => s.Identity.Owner).Distinct().ToList())
        {
            LogReaped(build, options.AdoptTime.TotalSeconds);
            await EndAsync(build);
            if (!isAtWork(build))
                builds.Delete(build);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Phase} of build {Build} outlived this node's last silo; it is gone on with when the build asks for it")]
    private partial void LogFound(Phase phase, string build);

    [LoggerMessage(2, LogLevel.Warning, "what outlived this node's last silo of build {Build} has been ended: nobody asked for it within {Seconds} s")]
    private partial void LogReaped(string build, double seconds);

    /// <summary>Work whose sandbox may outlive this silo.</summary>
    internal sealed class Outlived(SurvivingWorkTable table, string buildKey) : IDisposable
    {
        private bool _noted;

        /// <summary>It does.</summary>
        public void Note()
        {
            _noted = true;
            table._outliving.AddOrUpdate(buildKey, 1, (_, count) => count + 1);
        }

        public void Dispose()
        {
            if (_noted && table._outliving.AddOrUpdate(buildKey, 0, (_, count) => count - 1) == 0)
                table._outliving.TryRemove(KeyValuePair.Create(buildKey, 0));
            _noted = false;
        }
    }
}
