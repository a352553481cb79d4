using System.Net;
using System.Net.Sockets;
using Grid.Oci.Network;
using Grid.Sandbox.OciRuntime.Networks;

namespace Grid.Sandbox.OciRuntime;

/// <summary>How the OCI runtime adapter works on this node.</summary>
public sealed record OciRuntimeOptions
{
    /// <summary>
    /// Where unpacked layers and sandboxes live: an absolute path of at most 120 bytes on a file system that can carry an overlayfs upper
    /// directory (ext4, xfs, btrfs, tmpfs). Processes may share it.
    /// </summary>
    public required string StateDirectory { get; init; }

    /// <summary>"crun", "runc", the path of another OCI runtime, or null: crun where its probe passes, otherwise runc.</summary>
    public string? Runtime { get; init; }

    /// <summary>
    /// A host file with PEM certificates that processes should trust, or null. It appears read-only at /run/grid/ca-certificates.crt, and the
    /// variables that tools look at (SSL_CERT_FILE …) name it where the process does not set them; the image's own files stay untouched.
    /// </summary>
    public string? CaBundle { get; init; }

    /// <summary>What processes with a network may reach.</summary>
    public SandboxEgress Egress { get; init; } = SandboxEgress.Auto;

    /// <summary>Which addresses hosts may have that a list of destinations (<see cref="SandboxSpec.Egress"/>) has by name.</summary>
    public HostPolicy Hosts { get; init; } = HostPolicy.Own;

    /// <summary>Finds the addresses of such hosts: as this machine does itself, its hosts file included.</summary>
    internal NameLookup Lookup { get; init; } = static (name, cancellationToken) => Dns.GetHostAddressesAsync(name, AddressFamily.InterNetwork, cancellationToken);

    /// <summary>Name servers for sandboxes that share the machine's network: a host file that is copied as /etc/resolv.conf.</summary>
    public string ResolverConfiguration { get; init; } = "/etc/resolv.conf";

    /// <summary>What processes see as their host name; the same everywhere so that it cannot make layers differ.</summary>
    public string HostName { get; init; } = "sandbox";

    /// <summary>The control group all sandboxes are made below, from the root of each hierarchy.</summary>
    public string ControlGroup { get; init; } = "/grid";

    /// <summary>Bytes of file content one committed layer may have (sparse files count at full length); 0 means no bound.</summary>
    public long MaxLayerBytes { get; init; } = 64L << 30;

    /// <summary>Files and directories one committed layer may have; 0 means no bound.</summary>
    public int MaxLayerEntries { get; init; } = 2_000_000;

    /// <summary>
    /// A process is killed when less than this is free on the file system of <see cref="StateDirectory"/>: it must not fill the node's disk. 0 means no bound.
    /// </summary>
    public long MinFreeBytes { get; init; } = 128L << 20;

    /// <summary>
    /// How long the processes of a sandbox with an identity go on when this process has died and no other one of the node has taken them over; null when they
    /// end with it. At least two seconds. Without root they always end with it.
    /// </summary>
    public TimeSpan? OrphanTime { get; init; }

    internal void Validate()
    {
        if (!Path.IsPathFullyQualified(StateDirectory) || System.Text.Encoding.UTF8.GetByteCount(StateDirectory) > 120 || StateDirectory.AsSpan().ContainsAny(",:\\\n"))
        {
            throw new ArgumentException(
                $"the state directory '{StateDirectory}' must be an absolute path of at most 120 bytes without ',', ':', '\\' and line breaks (kernel limits of overlayfs options)");
        }
        if (CaBundle is not null && !File.Exists(CaBundle))
            throw new ArgumentException($"the CA bundle '{CaBundle}' does not exist; name a PEM file or leave it unset");
        if (!ControlGroup.StartsWith('/') || ControlGroup.Contains("..", StringComparison.Ordinal))
            throw new ArgumentException($"the control group '{ControlGroup}' must be an absolute path such as /grid");
    }
}
