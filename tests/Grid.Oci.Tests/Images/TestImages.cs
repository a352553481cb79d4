using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Grid.Oci.Images;

namespace Grid.Oci.Tests.Images;

/// <summary>Small images for tests, with layers that are real tars.</summary>
internal static class TestImages
{
    public static readonly Platform Amd64 = new("linux", "amd64");

    /// <summary>A gzip layer with one file.</summary>
    public static Layer AddLayer(MemoryBlobs blobs, string path, byte[] content, string mediaType = MediaTypes.OciLayerGzip)
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Ustar, leaveOpen: true))
        {
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch });
        }
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(tar.ToArray());
        return new Layer(blobs.Add(packed.ToArray(), mediaType), Digest.Compute(tar.ToArray()));
    }

    public static Layer AddLayer(MemoryBlobs blobs, string path, string content) => AddLayer(blobs, path, Encoding.UTF8.GetBytes(content));

    /// <summary>An image of so many layers.</summary>
    public static ImageContent Build(int layers = 2, string salt = "", Action<ImageBuilder>? change = null)
    {
        var blobs = new MemoryBlobs();
        var builder = ImageBuilder.FromScratch(Amd64);
        for (var i = 0; i < layers; i++)
            builder.AddLayer(AddLayer(blobs, $"file-{i}", $"content {i} {salt}"), blobs, history: new HistoryEntry { CreatedBy = $"layer {i}" });
        builder.SetLabel("greeting", """{"hello":"world"}""").SetEnv("PATH", "/bin");
        change?.Invoke(builder);
        return builder.Build();
    }

    /// <summary>The content as a store would give it back.</summary>
    public static Image View(ImageContent content)
    {
        var blobs = new MemoryBlobs();
        blobs.Add(content.Manifest, content.ManifestMediaType);
        blobs.Add(content.Config, content.ConfigMediaType);
        foreach (var layer in content.Layers)
            blobs.Add(Read(layer.Blobs, layer.Layer.Blob), layer.Layer.Blob.MediaType);
        return new Image(content.ManifestDescriptor, ImageDocuments.ReadConfig(content.Config, "test"), [.. content.Layers.Select(layer => layer.Layer)], blobs)
        {
            ConfigBlob = content.ConfigDescriptor,
        };
    }

    public static byte[] Read(IBlobSource blobs, Descriptor blob)
    {
        using var stream = blobs.OpenAsync(blob, CancellationToken.None).GetAwaiter().GetResult();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}

/// <summary>Collects reports at once, on the reporting thread (<see cref="Progress{T}"/> would be late).</summary>
internal sealed class Reports : IProgress<PushProgress>
{
    private readonly List<PushProgress> _all = [];

    public IReadOnlyList<PushProgress> All
    {
        get
        {
            lock (_all)
                return [.. _all];
        }
    }

    public IEnumerable<PushStep> Ends => All.Where(report => report.Step != PushStep.Sending).Select(report => report.Step);

    public void Report(PushProgress value)
    {
        lock (_all)
            _all.Add(value);
    }
}

/// <summary>A directory that goes with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("grid-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
