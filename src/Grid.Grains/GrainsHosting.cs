using Grid.Contracts.Placement;
using Grid.Grains.Placement;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;
using Grid.Grains.Queues;
using Grid.Grains.Audit;
using Grid.Grains.Retention;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Grid.Grains;

/// <summary>Registers what the grains need of a silo besides storage, membership and the events of builds.</summary>
public static class GrainsHosting
{
    /// <summary>Adds the grains to a silo. Every silo of a grid needs it, also those without a worker.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="node">Name of the node whose worker lives in this silo; null when none does.</param>
    /// <param name="queues">Settings of the queues; the same on all silos.</param>
    public static ISiloBuilder AddGridGrains(this ISiloBuilder silo, string? node, QueueOptions queues)
    {
        silo.UseContractGenerations();
        silo.UseSiloMetadata(node is null ? [] : new Dictionary<string, string> { [OnNodeFilter.MetadataKey] = node });
        silo.Services
            .AddPlacementFilter<OnNodeFilter, OnNodeFilterDirector>(ServiceLifetime.Transient)
            .AddSingleton<IPersistentStateFactory, StoredStateFactory>()
            .AddSingleton(queues)
            .AddSingleton<ISilos, MembershipSilos>()
            .TryAddSingleton(new AuditOptions());
        silo.Services.TryAddSingleton(new RetentionOptions());
        return silo;
    }
}
