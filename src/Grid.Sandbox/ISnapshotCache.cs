namespace Grid.Sandbox;

/// <summary>The unpacked layers a node keeps so that sandboxes start at once; each can be unpacked again.</summary>
public interface ISnapshotCache
{
    /// <summary>All of them, in no order.</summary>
    IReadOnlyList<UnpackedLayer> ListUnpacked();

    /// <summary>Removes one; false when it is in use or already gone.</summary>
    bool TryRemoveUnpacked(string name);
}

/// <summary>An unpacked layer.</summary>
/// <param name="Name">Names it on this node.</param>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="LastUsed">When a sandbox was last made over it, give or take ten minutes.</param>
public sealed record UnpackedLayer(string Name, long Bytes, DateTimeOffset LastUsed);
