using System.Text.Json;
using System.Text.Json.Serialization;

namespace Grid.Sandbox.OciRuntime.Bundles;

/// <summary>A container's config.json (OCI runtime-spec 1.0, config.md and config-linux.md); only the members that are used.</summary>
internal sealed record Bundle(string OciVersion, BundleRoot Root, string Hostname, BundleProcess Process, IReadOnlyList<BundleMount> Mounts, BundleLinux Linux)
{
    /// <summary>Whether it joins a network that was made for it.</summary>
    [JsonIgnore]
    public bool HasNetwork => Linux.Namespaces.Any(ns => ns is { Type: "network", Path: not null });

    /// <summary>Writes config.json into the bundle directory.</summary>
    public void Save(string directory) =>
        File.WriteAllBytes(Path.Combine(directory, "config.json"), JsonSerializer.SerializeToUtf8Bytes(this, BundleJson.Default.Bundle));
}

internal sealed record BundleRoot(string Path, bool Readonly);

internal sealed record BundleProcess(IReadOnlyList<string> Args, IReadOnlyList<string> Env, string Cwd, BundleUser User)
{
    public bool Terminal { get; init; }

    public bool NoNewPrivileges { get; init; }

    public required BundleCapabilities Capabilities { get; init; }

    public IReadOnlyList<BundleLimit>? Rlimits { get; init; }
}

internal sealed record BundleLimit(string Type, long Hard, long Soft);

internal sealed record BundleUser(int Uid, int Gid, IReadOnlyList<int> AdditionalGids)
{
    public int Umask { get; init; } = 0x12;
}

internal sealed record BundleCapabilities(IReadOnlyList<string> Bounding, IReadOnlyList<string> Effective, IReadOnlyList<string> Permitted);

internal sealed record BundleMount(string Destination, string Type, string Source, IReadOnlyList<string> Options);

internal sealed record BundleLinux(IReadOnlyList<BundleNamespace> Namespaces, string? CgroupsPath)
{
    public required BundleResources Resources { get; init; }

    public required IReadOnlyList<string> MaskedPaths { get; init; }

    public required IReadOnlyList<string> ReadonlyPaths { get; init; }

    public BundleSeccomp? Seccomp { get; init; }
}

internal sealed record BundleNamespace(string Type)
{
    /// <summary>One to join; a new one is made when null.</summary>
    public string? Path { get; init; }
}

internal sealed record BundleResources(IReadOnlyList<BundleDevice> Devices);

internal sealed record BundleDevice(bool Allow, string Access)
{
    public string? Type { get; init; }

    public long? Major { get; init; }

    public long? Minor { get; init; }
}

internal sealed record BundleSeccomp(string DefaultAction, int DefaultErrnoRet, IReadOnlyList<string> Architectures, IReadOnlyList<SeccompRule> Syscalls);

internal sealed record SeccompRule(IReadOnlyList<string> Names, string Action)
{
    public int? ErrnoRet { get; init; }

    public IReadOnlyList<SeccompArgument>? Args { get; init; }
}

internal sealed record SeccompArgument(int Index, ulong Value, ulong ValueTwo, string Op);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Bundle))]
[JsonSerializable(typeof(BundleSeccomp))]
internal sealed partial class BundleJson : JsonSerializerContext;
