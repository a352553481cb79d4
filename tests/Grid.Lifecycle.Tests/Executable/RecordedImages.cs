using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Tests.Images;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>
/// Run images that stand for the recorded ones, with their configuration and as many layers. Their content was not kept, so a recorded configuration is read with
/// our digests in the place of theirs.
/// </summary>
internal sealed class RecordedImages(string host, ImageStores images)
{
    private const string RecordedHost = "127.0.0.1:5066";
    private const string RecordedRun = "sha256:4679e529de4d29218b019cd19da51a02ebdd1a34c91d36714c5b433b760a8785";
    private const string RecordedNextRun = "sha256:df55685996326c3ef96e835278f5d0e8b050ad815c9d8b23972cc5a5a687dacb";
    private const string RecordedBuilder = "sha256:55b967ba2f0e5b2af3a2584cd2d900a29cc755610d322d9a3ccc50d90bf87e34";
    private static readonly string[] RecordedLayers =
    [
        "sha256:38b08374d47e46b9d81280c338b8f460ff7ae861df6c698566d637c501fade88",
        "sha256:db4e62a02a6c4a8d20e442a89015e7de4d318841e3dbd83c53ddbf4972146f9f",
        "sha256:7ee6205b0d6adc8b019dc5c8cfc763803f4dd88d4486198376abc6e32ee7b186",
    ];

    private readonly Dictionary<string, string> _ours = new() { [RecordedHost] = host };

    /// <summary>Writes ref/run:1, ref/run:2 and its mirror.</summary>
    public async Task PushAsync()
    {
        var first = Build(2);
        var next = Build(3);
        await images.PushAsync(first, At("ref/run:1"), null, CancellationToken.None);
        foreach (var name in (string[])["ref/run:2", "ref/run-mirror:1"])
            await images.PushAsync(next, At(name), null, CancellationToken.None);
        await images.PushAsync(first, At("ref/builder:1"), null, CancellationToken.None);
        _ours[RecordedBuilder] = first.Digest.ToString();
        _ours[RecordedRun] = first.Digest.ToString();
        _ours[RecordedNextRun] = next.Digest.ToString();
        foreach (var (recorded, layer) in RecordedLayers.Zip(next.Layers))
            _ours[recorded] = layer.Layer.DiffId.ToString();
    }

    /// <summary>
    /// Writes the run image the recorded extender made: a sparse layout with the recorded layers. Steps that only changed the configuration made empty layers there.
    /// </summary>
    public async Task WriteExtendedAsync(string directory)
    {
        var recorded = JsonSerializer.Deserialize<ImageConfig>(File.ReadAllText(Path.Combine(GoldenBuild.Golden, "ext-0.13/config.json")))!;
        var run = await ReadAsync("ref/run:1");
        var builder = ImageBuilder.From(run, At("ref/run:1"));
        var blobs = new MemoryBlobs();
        foreach (var (entry, diffId) in recorded.History!.Zip(recorded.RootFs.DiffIds).Where(item => item.First.CreatedBy?.EndsWith("by extension: t/e", StringComparison.Ordinal) == true))
            builder.AddLayer(new Layer(blobs.Add(Blob(diffId), MediaTypes.OciLayerGzip), diffId), blobs, history: entry);
        builder.SetEnv("PATH", "/opt/ext/bin:" + builder.GetEnv("PATH")).SetEnv("FROMEXT", "yes").SetLabel("ext.label", "a b").SetLabel("io.buildpacks.rebasable", "false");
        builder.Config = builder.Config with { Config = builder.Config.Config with { WorkingDir = "/opt/ext/wd" } };
        await new LayoutImageStore().PushAsync(builder.Build(), new ImageLocation.Layout(directory, Tag: null), null, CancellationToken.None);
        foreach (var layer in run.Layers)
            File.Delete(Path.Combine(directory, "blobs/sha256", layer.Blob.Digest.Hex));
    }

    private static byte[] Blob(Digest diffId) => Directory.GetFiles(Path.Combine(GoldenBuild.Golden, "ext-0.13/layers")).Select(File.ReadAllBytes).FirstOrDefault(blob => DiffIdOf(blob) == diffId)
        ?? Gzip(new byte[1024]);

    private static Digest DiffIdOf(byte[] blob)
    {
        using var tar = new GZipStream(new MemoryStream(blob), CompressionMode.Decompress);
        return Digest.FromSha256(SHA256.HashData(tar));
    }

    private static byte[] Gzip(byte[] tar)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(tar);
        return packed.ToArray();
    }

    /// <summary>Writes an image under another name.</summary>
    public async Task CopyAsync(string from, string to) =>
        await images.PushAsync(await ImageContent.CopyAsync(await ReadAsync(from), At(from), CancellationToken.None), At(to), null, CancellationToken.None);

    /// <summary>From now on a recorded digest means another one.</summary>
    public void Replace(string recorded, string ours) => _ours[recorded] = ours;

    public ImageLocation At(string name) => ImageLocation.Parse($"{host}/{name}");

    public async Task<Image> ReadAsync(string name) => await images.FindAsync(At(name), TestImages.Amd64, CancellationToken.None) ?? throw new FileNotFoundException(name);

    /// <summary>A recorded file with our digests and our registry.</summary>
    public string Read(string path) => _ours.Aggregate(File.ReadAllText(Path.Combine(GoldenBuild.Golden, path)), (text, item) => text.Replace(item.Key, item.Value));

    public static bool Has(string path) => File.Exists(Path.Combine(GoldenBuild.Golden, path));

    // In Docker's media types and with the configuration that the recorded app has around its own.
    private static ImageContent Build(int layers)
    {
        var recorded = JsonSerializer.Deserialize<ImageConfig>(File.ReadAllText(Path.Combine(GoldenBuild.Golden, "plain-0.13/config.json")))!;
        var created = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
        var empty = TestImages.View(ImageBuilder.FromScratch(TestImages.Amd64).Build());
        var builder = ImageBuilder.From(empty with { Manifest = empty.Manifest with { MediaType = MediaTypes.DockerManifest } });
        var blobs = new MemoryBlobs();
        for (var index = 0; index < layers; index++)
            builder.AddLayer(TestImages.AddLayer(blobs, $"layer-{index}", "content"), blobs, history: recorded.History![Math.Min(index, 1)] with { Created = created });
        // Tools that build images note such steps; they are no layers, and the app's history leaves them out.
        builder.AddEmptyHistory(new HistoryEntry { Created = created, CreatedBy = "CMD bash" });
        var labels = recorded.Config.Labels!.Where(label => label.Key.StartsWith("io.buildpacks.base.", StringComparison.Ordinal) || label.Key == "io.buildpacks.stack.id");
        builder.Config = recorded with
        {
            Created = created,
            Config = recorded.Config with
            {
                Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                Entrypoint = null,
                Cmd = ["/bin/bash"],
                WorkingDir = null,
                Labels = labels.ToDictionary(),
            },
        };
        return builder.Build();
    }
}
