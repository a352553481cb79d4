using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Oci.Tests.Layers;

internal static class LayerTestData
{
    internal static Layer Write(ContentStore store, params (LayerEntry Entry, byte[] Content)[] entries)
    {
        using var writer = LayerWriter.Create(store);
        foreach (var (entry, content) in entries)
            writer.Write(entry with { Size = content.Length }, new MemoryStream(content));
        return writer.Complete();
    }

    internal static Layer Write(ContentStore store, params LayerEntry[] entries) => Write(store, [.. entries.Select(e => (e, Array.Empty<byte>()))]);

    internal static LayerEntry File(string path, int mode = 0x1A4) => new(path, LayerEntryType.File) { Mode = mode };

    internal static LayerEntry Dir(string path, int mode = 0x1ED) => new(path, LayerEntryType.Directory) { Mode = mode };

    internal static LayerEntry Link(string path, string target) => new(path, LayerEntryType.SymbolicLink) { LinkTarget = target, Mode = 0x1FF };

    internal static LayerEntry Hard(string path, string target) => new(path, LayerEntryType.HardLink) { LinkTarget = target };

    internal static List<(LayerEntry Entry, byte[] Content)> Read(ContentStore store, Layer layer, LayerLimits? limits = null)
    {
        using var blob = store.Open(layer.Blob);
        using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        return Read(tar, limits);
    }

    internal static List<(LayerEntry Entry, byte[] Content)> Read(Stream tar, LayerLimits? limits = null)
    {
        var reader = new LayerReader(tar, limits);
        var result = new List<(LayerEntry, byte[])>();
        while (reader.Next() is { } entry)
        {
            var content = new MemoryStream();
            reader.Content.CopyTo(content);
            result.Add((entry, content.ToArray()));
        }
        return result;
    }

    internal static byte[] Tar(ContentStore store, Layer layer)
    {
        using var blob = store.Open(layer.Blob);
        using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        var result = new MemoryStream();
        tar.CopyTo(result);
        return result.ToArray();
    }
}
