using Orleans.Placement;

namespace Grid.Contracts.Placement;

/// <summary>The grain lives on the silo of the node whose name is its key. A call to a node that is not there fails at once.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class OnNodeAttribute() : PlacementFilterAttribute(new OnNodeFilter());

/// <summary>Lets only the silo remain whose <see cref="MetadataKey"/> is the grain's key.</summary>
public sealed class OnNodeFilter() : PlacementFilterStrategy(order: 0)
{
    /// <summary>Silo metadata with the node's name.</summary>
    public const string MetadataKey = "grid.node";
}
