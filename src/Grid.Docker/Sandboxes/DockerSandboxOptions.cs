namespace Grid.Docker.Sandboxes;

/// <summary>How the Docker engine adapter works on this node.</summary>
public sealed record DockerSandboxOptions
{
    /// <summary>Which engine.</summary>
    public DockerEngineOptions Engine { get; init; } = new();

    /// <summary>Where sandboxes have their mount points and their owners' locks: an absolute path of at most 120 bytes. Processes may share it.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>A host file with PEM certificates that processes should trust, or null; as with the OCI runtime adapter.</summary>
    public string? CaBundle { get; init; }

    /// <summary>What processes see as their host name.</summary>
    public string HostName { get; init; } = "sandbox";

    /// <summary>The engine's network for processes that may use one.</summary>
    public string Network { get; init; } = "bridge";

    /// <summary>Bytes of file content one committed layer may have (sparse files count at full length); 0 means no bound.</summary>
    public long MaxLayerBytes { get; init; } = 64L << 30;

    /// <summary>Files and directories one committed layer may have; 0 means no bound.</summary>
    public int MaxLayerEntries { get; init; } = 2_000_000;
}
