using Grid.Dockerfiles.Context;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Grains.Builds;

/// <summary>The content that a build relies on.</summary>
internal static class BuildContent
{
    /// <summary>Blobs of its source, of contexts, of caches it restores, and of the layers that it made.</summary>
    public static IEnumerable<Digest> Of(BuildGrainState state) => new[]
    {
        state.Request is { } request ? [request.Source.Blob.Digest] : [],
        state.Fetched is { } fetched ? [fetched.Archive.Blob.Digest] : [],
        Of(state.History.Cache?.AllLayers() ?? []),
        Of(state.Request?.Extension?.Dockerfiles.Select(d => d.Context).OfType<Layer>() ?? []),
        (state.Pinned?.Dockerfiles ?? state.Detection?.Dockerfiles ?? []).SelectMany(d => Of(d.Context)),
        Added(state.BuildImage),
        Added(state.RunImage),
        Of(state.App?.Layers.Select(l => l.Layer) ?? []),
        Of(state.App?.Cache.AllLayers() ?? []),
    }.SelectMany(digests => digests).Where(digest => !digest.IsEmpty).Distinct();

    private static IEnumerable<Digest> Added(ExtendedImage? image) => Of(image?.Added.Select(a => a.Layer) ?? []);

    private static IEnumerable<Digest> Of(BuildContext context) => [context.Archive.Blob.Digest, context.Index];

    private static IEnumerable<Digest> Of(IEnumerable<Layer> layers) => layers.Select(l => l.Blob.Digest);
}
