using System.Text.Json.Serialization;

namespace Grid.Oci.Images;

/// <summary>Names a blob: what it is, its address and its size in bytes (OCI image-spec, descriptor.md).</summary>
public sealed record Descriptor(
    [property: JsonPropertyName("mediaType")] string MediaType,
    [property: JsonPropertyName("digest")] Digest Digest,
    [property: JsonPropertyName("size")] long Size)
{
    /// <summary>Free annotations, such as the tag of a manifest in a layout (<c>org.opencontainers.image.ref.name</c>).</summary>
    [JsonPropertyName("annotations"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    /// <summary>The platform an index entry is for.</summary>
    [JsonPropertyName("platform"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Platform? Platform { get; init; }
}

/// <summary>Operating system and processor of an image, in Go's words (<c>linux</c>, <c>amd64</c>, <c>v8</c>).</summary>
public sealed record Platform(
    [property: JsonPropertyName("os")] string Os,
    [property: JsonPropertyName("architecture")] string Architecture)
{
    /// <summary>The processor's variant, when it has one.</summary>
    [JsonPropertyName("variant"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Variant { get; init; }
}

/// <summary>Media types of OCI and of Docker's schema 2, which are the same thing under two names.</summary>
public static class MediaTypes
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string OciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    public const string OciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
    public const string DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    /// <summary>Whether it is an index (OCI) or manifest list (Docker).</summary>
    public static bool IsIndex(string? mediaType) => mediaType is OciIndex or DockerIndex;

    /// <summary>Whether it is an image manifest.</summary>
    public static bool IsManifest(string? mediaType) => mediaType is OciManifest or DockerManifest;

    /// <summary>OCI's name of a layer's type, for a type of either family; other types are given back.</summary>
    public static string ToOciLayer(string mediaType) => mediaType switch
    {
        DockerLayer => OciLayer,
        DockerLayerGzip => OciLayerGzip,
        _ => mediaType,
    };

    /// <summary>Docker's name of a layer's type, for a type of either family; types that Docker's schema 2 does not have are given back.</summary>
    public static string ToDockerLayer(string mediaType) => mediaType switch
    {
        OciLayer => DockerLayer,
        OciLayerGzip => DockerLayerGzip,
        _ => mediaType,
    };
}
