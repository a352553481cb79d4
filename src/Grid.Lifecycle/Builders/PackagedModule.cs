using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Builders;

/// <summary>A module that the builder will have.</summary>
/// <param name="Info">Its entry in the label <c>io.buildpacks.buildpack.layers</c> (or <c>extension.layers</c>), with <c>layerDiffID</c>.</param>
/// <param name="Source">Its layer; null for one the build image has already.</param>
internal sealed record PackagedModule(ModuleKind Kind, string Id, string Version, JsonObject Info, LayerSource? Source)
{
    public string FullName => Id + "@" + Version;

    /// <summary>Where it is in the image.</summary>
    public string Directory => DirectoryOf(Kind, Id) + "/" + Version;

    public string Api => (string?)Info["api"] ?? "";

    public Digest DiffId => Digest.Parse((string)Info["layerDiffID"]!);

    public static string DirectoryOf(ModuleKind kind, string id) =>
        (kind == ModuleKind.Buildpack ? "/cnb/buildpacks/" : "/cnb/extensions/") + id.Replace('/', '_');

    /// <summary>Reads the modules a label of a buildpackage or a builder lists; <paramref name="source"/> finds a layer by its diff ID.</summary>
    public static IEnumerable<PackagedModule> FromLabel(ModuleKind kind, string label, Func<Digest, LayerSource?> source)
    {
        if (JsonNode.Parse(label) is not JsonObject ids)
            throw new FormatException("the label is not a JSON object");
        foreach (var (id, versions) in ids)
        {
            foreach (var (version, info) in versions!.AsObject())
            {
                var entry = info!.DeepClone().AsObject();
                yield return new PackagedModule(kind, id, version, entry, source(Digest.Parse((string)entry["layerDiffID"]!)));
            }
        }
    }
}
