using Grid.Docker.Sandboxes;
using Grid.Oci.Content;
using Grid.Oci.Network;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime;

namespace Grid.Hosting;

/// <summary>What runs the sandboxes of a node.</summary>
public enum SandboxKind
{
    /// <summary>The first that works: an OCI runtime, then a Docker engine.</summary>
    Auto = 0,

    /// <summary>An OCI runtime over overlayfs, without a daemon.</summary>
    Oci = 1,

    /// <summary>A Docker engine on this machine.</summary>
    Docker = 2,
}

/// <summary>Makes the runtime a node's options ask for.</summary>
internal static class SandboxRuntimes
{
    /// <summary>The words of flags and variables: auto, oci, docker.</summary>
    public static SandboxKind Parse(string? text) => text switch
    {
        null or "" => SandboxKind.Auto,
        _ when Enum.TryParse<SandboxKind>(text, ignoreCase: true, out var kind) && Enum.IsDefined(kind) && !char.IsAsciiDigit(text[0]) => kind,
        _ => throw new FormatException($"there is no sandbox '{text}'; want auto, oci or docker"),
    };

    /// <summary>The words of flags and variables: auto, open, none, host.</summary>
    public static SandboxEgress ParseEgress(string? text) => text switch
    {
        null or "" => SandboxEgress.Auto,
        _ when Enum.TryParse<SandboxEgress>(text, ignoreCase: true, out var egress) && Enum.IsDefined(egress) && !char.IsAsciiDigit(text[0]) => egress,
        _ => throw new FormatException($"there is no sandbox egress '{text}'; want auto, open, none or host"),
    };

    /// <summary>Destinations; null when there are none.</summary>
    public static EgressList? ParseEgressAllow(IEnumerable<string>? destinations) =>
        destinations?.Select(d => d.Trim()).Where(d => d.Length > 0).ToList() is { Count: > 0 } some ? EgressList.Parse(some) : null;

    public static ISandboxRuntime Make(GridOptions options, ContentStore content) => options.Sandbox switch
    {
        SandboxKind.Oci => Oci(options, content),
        SandboxKind.Docker => Docker(options, content),
        _ => new FirstWorkingRuntime(("oci", () => Oci(options, content)), ("docker", () => Docker(options, content))),
    };

    private static OciSandboxRuntime Oci(GridOptions options, ContentStore content) => new(new OciRuntimeOptions
    {
        StateDirectory = Path.Combine(options.DataDirectory, "sandbox"),
        Runtime = options.SandboxRuntime,
        CaBundle = options.SandboxCaBundle,
        Egress = options.SandboxEgress,
        OrphanTime = options.SandboxOrphanTime,
        Hosts = options.Hosts,
    }, content);

    private static DockerSandboxRuntime Docker(GridOptions options, ContentStore content) => new(new DockerSandboxOptions
    {
        StateDirectory = Path.Combine(options.DataDirectory, "sandbox-docker"),
        CaBundle = options.SandboxCaBundle,
        Network = options.SandboxEgress switch
        {
            SandboxEgress.None => "none",
            SandboxEgress.Host => "host",
            _ => "bridge",
        },
    }, content);
}
