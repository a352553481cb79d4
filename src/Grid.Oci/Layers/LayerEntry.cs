using Grid.Oci.FileSystem;

namespace Grid.Oci.Layers;

/// <summary>What a tar entry is.</summary>
public enum LayerEntryType
{
    /// <summary>A regular file with content.</summary>
    File = 0,
    Directory = 1,
    SymbolicLink = 2,
    HardLink = 3,
    CharacterDevice = 4,
    BlockDevice = 5,
    Fifo = 6,
}

/// <summary>
/// One entry of a layer tar. Paths are as they go into the tar, without a leading "./"; bytes that are not UTF-8 as in <see cref="BytePath"/>.
/// Whiteouts are ordinary empty files named <c>.wh.NAME</c> or <c>.wh..wh..opq</c> (OCI image-spec, layer.md).
/// </summary>
public sealed record LayerEntry(string Path, LayerEntryType Type)
{
    /// <summary>Permission bits with setuid, setgid, sticky.</summary>
    public int Mode { get; init; } = 0x1A4;

    public Owner Owner { get; init; }

    /// <summary>Bytes of content; 0 for all but files.</summary>
    public long Size { get; init; }

    /// <summary>Where a symbolic or hard link points, as written into the tar.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>Modification time; <see cref="LayerTimes.Normalized"/> in every layer we make.</summary>
    public DateTimeOffset ModifiedTime { get; init; } = LayerTimes.Normalized;

    public (uint Major, uint Minor) Device { get; init; }

    /// <summary>Extended attributes (<c>security.capability</c>, <c>user.*</c>), written as PAX <c>SCHILY.xattr.*</c> records.</summary>
    public IReadOnlyDictionary<string, byte[]>? Xattrs { get; init; }
}

/// <summary>The one time that stands in every layer, so that equal content has an equal digest on every node.</summary>
public static class LayerTimes
{
    /// <summary>1980-01-01T00:00:01Z, as the reference lifecycle writes it.</summary>
    public static readonly DateTimeOffset Normalized = new(1980, 1, 1, 0, 0, 1, TimeSpan.Zero);
}
