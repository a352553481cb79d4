using System.Text;
using System.Text.Json;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Docker;

/// <summary>Writes an image in the form that <c>docker load</c> reads, while it is being sent. Gzip layers go as they are.</summary>
/// <param name="target">Takes the archive.</param>
/// <param name="progress">Is told of each layer.</param>
/// <param name="present">How many of the lowest layers the engine has already: they are named but not sent.</param>
internal sealed class DockerArchiveWriter(Stream target, IProgress<PushProgress>? progress, int present = 0)
{
    private const int Block = 512;

    /// <summary>Writes the whole archive; <paramref name="name"/> is the <c>repository:tag</c> the image gets.</summary>
    public async Task WriteAsync(ImageContent image, string name, string spoolDirectory, CancellationToken cancellationToken)
    {
        var config = image.ConfigDescriptor.Digest.Hex + ".json";
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var layer in image.Layers.Skip(present))
        {
            if (written.Add(NameOf(layer)))
                await WriteLayerAsync(layer, spoolDirectory, cancellationToken);
        }
        await WriteFileAsync(config, image.Config, cancellationToken);
        await WriteFileAsync("manifest.json", Index(config, name, image.Layers.Select(NameOf)), cancellationToken);
        await target.WriteAsync(new byte[2 * Block], cancellationToken);
    }

    private static string NameOf(LayerSource layer) => layer.Layer.DiffId.Hex + ".tar";

    private static byte[] Index(string config, string name, IEnumerable<string> layers)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("Config", config);
            json.WriteStartArray("RepoTags");
            json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteStartArray("Layers");
            foreach (var layer in layers)
                json.WriteStringValue(layer);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
        }
        return buffer.ToArray();
    }

    private async Task WriteLayerAsync(LayerSource layer, string spoolDirectory, CancellationToken cancellationToken)
    {
        var blob = layer.Layer.Blob;
        await using var content = new VerifyingStream(await layer.Blobs.OpenAsync(blob, cancellationToken), blob, "its source");
        if (MediaTypes.ToOciLayer(blob.MediaType) is MediaTypes.OciLayer or MediaTypes.OciLayerGzip)
            await WriteEntryAsync(NameOf(layer), content, blob.Size, blob, cancellationToken);
        else
            await WriteUnpackedAsync(layer, content, spoolDirectory, cancellationToken);
        progress?.Report(new PushProgress(blob, PushStep.Sent, blob.Size));
    }

    // Older engines know no zstd. A tar entry needs its size first, hence the file.
    private async Task WriteUnpackedAsync(LayerSource layer, Stream content, string spoolDirectory, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(spoolDirectory);
        var path = Path.Combine(spoolDirectory, Guid.NewGuid().ToString("N"));
        await using var file = new FileStream(
            path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        await using (var tar = LayerReader.Decompress(content, layer.Layer.Blob.MediaType))
            await tar.CopyToAsync(file, cancellationToken);
        file.Position = 0;
        await WriteEntryAsync(NameOf(layer), file, file.Length, layer.Layer.Blob, cancellationToken);
    }

    private async Task WriteFileAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        await target.WriteAsync(Header(name, content.Length), cancellationToken);
        await target.WriteAsync(content, cancellationToken);
        await PadAsync(content.Length, cancellationToken);
    }

    private async Task WriteEntryAsync(string name, Stream content, long size, Descriptor blob, CancellationToken cancellationToken)
    {
        await target.WriteAsync(Header(name, size), cancellationToken);
        var buffer = new byte[1 << 17];
        long sent = 0;
        for (int read; (read = await content.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            sent += read;
            progress?.Report(new PushProgress(blob, PushStep.Sending, Math.Min(sent, blob.Size)));
        }
        if (sent != size)
            throw new BlobMismatchException($"layer {blob.Digest} gave {sent} instead of {size} bytes");
        await PadAsync(size, cancellationToken);
    }

    private async Task PadAsync(long size, CancellationToken cancellationToken)
    {
        var rest = (int)(size % Block);
        if (rest > 0)
            await target.WriteAsync(new byte[Block - rest], cancellationToken);
    }

    // POSIX ustar; names here are short and ASCII, and sizes above 8 GiB are written in GNU's base 256.
    private static byte[] Header(string name, long size)
    {
        var block = new byte[Block];
        Encoding.ASCII.GetBytes(name, block.AsSpan(0, 100));
        Octal(block.AsSpan(100, 8), 0x1A4);
        Octal(block.AsSpan(108, 8), 0);
        Octal(block.AsSpan(116, 8), 0);
        if (size < 1L << 33)
        {
            Octal(block.AsSpan(124, 12), size);
        }
        else
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(block.AsSpan(128, 8), size);
            block[124] = 0x80;
        }
        Octal(block.AsSpan(136, 12), 0);
        block.AsSpan(148, 8).Fill((byte)' ');
        block[156] = (byte)'0';
        "ustar\0"u8.CopyTo(block.AsSpan(257));
        "00"u8.CopyTo(block.AsSpan(263));
        var sum = 0;
        foreach (var value in block)
            sum += value;
        Octal(block.AsSpan(148, 7), sum);
        return block;
    }

    private static void Octal(Span<byte> field, long value)
    {
        field[^1] = 0;
        for (var i = field.Length - 2; i >= 0; i--, value >>= 3)
            field[i] = (byte)('0' + (value & 7));
    }
}
