using Microsoft.Extensions.Hosting;

namespace Grid.Hosting.Serve;

/// <summary>What the health endpoint tells of a node.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Status">Ready, or why it is not.</param>
/// <param name="Silos">The silos that this one believes to be alive, itself among them, by name.</param>
public sealed record NodeReport(string Node, string Status, IReadOnlyList<string> Silos);

/// <summary>Whether this node can take work: it belongs to the cluster and is not about to leave it.</summary>
internal sealed class NodeHealth(Configuration.NodeOptions options, ISiloStatusOracle silos, IHostApplicationLifetime lifetime)
{
    /// <summary>Whether requests should come here.</summary>
    public bool IsReady => silos.CurrentStatus == SiloStatus.Active && !lifetime.ApplicationStopping.IsCancellationRequested;

    public NodeReport Report() => new(options.Name,
        IsReady ? "ready" : lifetime.ApplicationStopping.IsCancellationRequested ? "stopping" : silos.CurrentStatus.ToString().ToLowerInvariant(),
        [.. silos.GetApproximateSiloStatuses(onlyActive: true).Keys.Select(NameOf).Order(StringComparer.Ordinal)]);

    private string NameOf(SiloAddress silo) => silos.TryGetSiloName(silo, out var name) ? name : silo.ToString();
}
