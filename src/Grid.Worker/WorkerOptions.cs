using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Settings of a node's worker.</summary>
public sealed record WorkerOptions
{
    /// <summary>Where builds have their source, layers and platform directories while they run.</summary>
    public required string BuildsDirectory { get; init; }

    /// <summary>The launcher for app images whose builder brings none.</summary>
    public required string Launcher { get; init; }

    /// <summary>Where directories of RUN --mount=type=cache are kept; beside the builds unless said otherwise.</summary>
    public string CacheVolumesDirectory
    {
        get => field ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(BuildsDirectory))!, "cache-volumes");
        init;
    }

    /// <summary>Whether ADD may fetch from loopback and private addresses: right on a machine of one's own, wrong where tenants build.</summary>
    public bool AllowPrivateUrls { get; init; }

    /// <summary>Bounds for each sandbox.</summary>
    public SandboxLimits SandboxLimits { get; init; } = new();
}
