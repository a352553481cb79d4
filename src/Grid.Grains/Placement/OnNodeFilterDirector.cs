using Grid.Contracts.Placement;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;

namespace Grid.Grains.Placement;

/// <summary>Compares the grain's key with the candidates' metadata.</summary>
internal sealed class OnNodeFilterDirector(ISiloMetadataCache metadata) : IPlacementFilterDirector
{
    public IEnumerable<SiloAddress> Filter(PlacementFilterStrategy filterStrategy, PlacementTarget target, IEnumerable<SiloAddress> silos)
    {
        var node = target.GrainIdentity.Key.ToString();
        return silos.Where(s => metadata.GetSiloMetadata(s).Metadata.TryGetValue(OnNodeFilter.MetadataKey, out var name) && name == node);
    }
}
