namespace Grid.Oci.Layers;

/// <summary>What a layer or archive that others made may contain. Beyond it, reading throws <see cref="InvalidDataException"/>.</summary>
public sealed record LayerLimits
{
    /// <summary>Number of entries.</summary>
    public long MaxEntries { get; init; } = 4_000_000;

    /// <summary>Bytes of the whole uncompressed tar.</summary>
    public long MaxBytes { get; init; } = 64L << 30;

    /// <summary>Bytes of one name or link target; Linux cannot use longer ones.</summary>
    public int MaxNameBytes { get; init; } = 4096;

    /// <summary>Bytes of one extended header (names, extended attributes).</summary>
    public int MaxExtendedHeaderBytes { get; init; } = 1 << 20;
}
