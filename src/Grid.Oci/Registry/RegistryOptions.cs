using Grid.Oci.Network;

namespace Grid.Oci.Registry;

/// <summary>How registries are talked to. The defaults fit public and private registries alike.</summary>
public sealed record RegistryOptions
{
    /// <summary>Registries (<c>host[:port]</c>) that may be spoken to by plain HTTP when they do not answer HTTPS. Loopback addresses always may.</summary>
    public IReadOnlyList<string> Insecure { get; init; } = [];

    /// <summary>
    /// Hosts that may be given a registry's credentials for a token although they share no parent domain with the registry. Without this a
    /// look-alike realm (<c>registry.example.evil</c> for <c>registry.example</c>) gets nothing.
    /// </summary>
    public IReadOnlyList<string> TrustedRealms { get; init; } = [];

    /// <summary>Which hosts are connected to; those in <see cref="Insecure"/> always are.</summary>
    public HostPolicy Hosts { get; init; } = HostPolicy.Own;

    /// <summary>Blobs of one image that are uploaded at the same time.</summary>
    public int ParallelUploads { get; init; } = 4;

    /// <summary>Blobs above this many bytes are uploaded so that a broken upload goes on where it stopped; smaller ones in one request.</summary>
    public long ResumableUploadBytes { get; init; } = 16 << 20;

    /// <summary>Waits before each further attempt when a registry is unreachable or answers 408, 429 or 5xx (the reference lifecycle's schedule); 20 % of jitter is added.</summary>
    public IReadOnlyList<TimeSpan> RetryDelays { get; init; } =
        [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)];

    /// <summary>The longest wait that a registry may ask for with Retry-After; longer ones are an error at once.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a registry may stay silent: without the headers of an answer, without a byte of a blob, or without taking one.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a registry may take to put a complete upload in place; those that keep blobs in an object store copy them then.</summary>
    public TimeSpan CommitTimeout { get; init; } = TimeSpan.FromMinutes(5);
}
