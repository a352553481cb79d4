using System.Formats.Tar;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Benchmarks.Lifecycle;

/// <summary>Layers of one small file, in memory.</summary>
internal static class TinyLayer
{
    public static MemoryBlobs Blobs { get; } = new();

    public static Layer Make(string content)
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, TarEntryFormat.Ustar, leaveOpen: true))
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "file") { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content)), ModificationTime = DateTimeOffset.UnixEpoch });
        var blob = Blobs.Add(tar.ToArray(), MediaTypes.OciLayer);
        return new Layer(blob, blob.Digest);
    }
}
