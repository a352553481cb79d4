using System.Text;
using Grid.Oci;

namespace Grid.Dockerfiles.Planning;

/// <summary>What RUN <c>--mount</c> mounts.</summary>
public enum RunMountKind
{
    /// <summary>A file or directory of the build context.</summary>
    Bind = 0,

    /// <summary>A directory that outlives the build; never part of a layer or a key.</summary>
    Cache = 1,
    Tmpfs = 2,

    /// <summary>A secret given with the build, as a file or a variable.</summary>
    Secret = 3,
}

/// <summary>How builds share a cache mount.</summary>
public enum CacheSharing
{
    Shared = 0,

    /// <summary>Each build that runs at the same time gets its own.</summary>
    Private = 1,

    /// <summary>One build at a time; others wait.</summary>
    Locked = 2,
}

/// <summary>A RUN <c>--mount</c> with its options checked.</summary>
/// <param name="Kind">What is mounted.</param>
/// <param name="Target">Absolute and normalized path inside, never the root; empty for a secret that is only a variable.</param>
public sealed record RunMount(RunMountKind Kind, string Target)
{
    /// <summary>Bind: normalized path in the context, beginning with "/" for its root; other kinds: empty.</summary>
    public string Source { get; init; } = "";

    /// <summary>Cache and secret: its name, as written. Text of a tenant: never a path. See <see cref="StoreName"/>.</summary>
    public string Id { get; init; } = "";

    public bool ReadOnly { get; init; }

    public CacheSharing Sharing { get; init; }

    /// <summary>Tmpfs: most bytes; 0 means no limit of its own.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Secret: whether the step fails without it; else it runs without.</summary>
    public bool Required { get; init; }

    /// <summary>Secret: the variable that gets its value, or null.</summary>
    public string? Variable { get; init; }

    /// <summary>Mode of a secret file (0400 when null) or of a new cache directory (0755 when null).</summary>
    public int? Mode { get; init; }

    /// <summary>Owner of a secret file or a new cache directory; null means 0.</summary>
    public int? UserId { get; init; }

    /// <summary>Group of a secret file or a new cache directory; null means 0.</summary>
    public int? GroupId { get; init; }

    /// <summary>A file name for this id that no id can use to leave its directory: the hex SHA-256 of the id.</summary>
    public string StoreName() => Digest.Compute(Encoding.UTF8.GetBytes(Id)).Hex;
}
