using Grid.Contracts.Work;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Worker;

/// <summary>Which blobs of our own making a piece of work needs and leaves. Layers of images come from where the images are.</summary>
internal static class WorkBlobs
{
    public static IReadOnlyCollection<Digest> NeededBy(WorkItem item) => Distinct(item switch
    {
        PinWork work => Of(work.Extension.Dockerfiles.Select(d => d.Context).OfType<Layer>()),
        DetectWork work => [work.Source.Blob.Digest],
        RestoreWork work => Of(work.Cache?.AllLayers() ?? []),
        // The base's layers are in its registry. What earlier steps added is not, and which of them are the base's is not known here.
        StepWork work => [.. Of(work.Input.Parent), .. Of(work.Input.Context), .. work.Input.Fetched.Select(f => f.Digest)],
        BuildWork work => [work.Source.Blob.Digest, .. Of(work.BuildImage), .. Of(work.Cache?.AllLayers() ?? [])],
        PublishWork work => Of(work.Image),
        ExportWork work => [.. Of(work.RunImage), .. Of(work.App.Layers.Where(l => l.Origin is null).Select(l => l.Layer))],
        _ => [],
    });

    public static IReadOnlyCollection<Digest> MadeBy(WorkResult result) => Distinct(result switch
    {
        AnalyzeDone { Source: { } source } => [source.Archive.Blob.Digest],
        PinDone done => done.Result.Dockerfiles.SelectMany(d => Of(d.Context)),
        DetectDone done => done.Result.Dockerfiles.SelectMany(d => Of(d.Context)),
        FetchDone done => done.Urls.Select(u => u.Digest),
        StepDone { Layer: { } layer } => [layer.Blob.Digest],
        BuildDone done => [.. Of(done.App.Layers.Where(l => l.Origin is null).Select(l => l.Layer)), .. Of(done.App.Cache.AllLayers())],
        _ => [],
    });

    private static IEnumerable<Digest> Of(ExtendedImage image) => Of(image.Added.Select(a => a.Layer));

    private static IEnumerable<Digest> Of(BuildContext context) => [context.Archive.Blob.Digest, context.Index];

    private static IEnumerable<Digest> Of(IEnumerable<Layer> layers) => layers.Select(l => l.Blob.Digest);

    private static Digest[] Distinct(IEnumerable<Digest> digests) => [.. digests.Where(d => !d.IsEmpty).Distinct()];
}
