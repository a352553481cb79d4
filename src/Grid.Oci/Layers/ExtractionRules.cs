using Grid.Oci.FileSystem;

namespace Grid.Oci.Layers;

/// <summary>What tells unpacking a layer from unpacking somebody's files.</summary>
internal sealed record ExtractionRules
{
    /// <summary>Whether <c>.wh.</c> names are whiteouts, to be turned into those of overlayfs, rather than files.</summary>
    internal bool Whiteouts { get; init; }

    /// <summary>Whether a whiteout removes what is there, because the tree is the image and not a layer of it.</summary>
    internal bool WhiteoutsRemove { get; init; }

    /// <summary>Whether device nodes and FIFOs are made rather than refused.</summary>
    internal bool Nodes { get; init; }

    /// <summary>Whether an entry may stand in a directory that an earlier entry (or a lower layer) made a link, rather than be refused.</summary>
    internal bool ParentLinks { get; init; }

    /// <summary>Whether extended attributes are set rather than dropped.</summary>
    internal bool Xattrs { get; init; }

    /// <summary>Owner of everything; null means each entry's own.</summary>
    internal Owner? Owner { get; init; }

    /// <summary>Bits that are taken from each mode.</summary>
    internal int ModeMask { get; init; } = ModeBits.Permissions;

    internal LowerDirectories Lowers { get; init; } = new([]);
}
