using System.IO.Compression;
using Grid.Oci.Images;

namespace Grid.Oci.Layers;

/// <summary>From a layer's blob to its tar.</summary>
internal static class LayerDecompression
{
    internal static Stream Open(Stream blob, string mediaType)
    {
        var start = new byte[4];
        var length = blob.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        var whole = new PrefixedStream(start.AsMemory(0, length), blob);
        return start switch
        {
            [0x1F, 0x8B, ..] => new GZipStream(whole, CompressionMode.Decompress),
            [0x28, 0xB5, 0x2F, 0xFD] => new ZstdStream(whole),
            [0x42, 0x5A, 0x68, ..] or [0xFD, 0x37, 0x7A, 0x58] =>
                throw new InvalidDataException($"a layer of the type {mediaType} is compressed with bzip2 or xz; layers are plain, gzip or zstd"),
            _ when mediaType.EndsWith("gzip", StringComparison.Ordinal) || mediaType.EndsWith("zstd", StringComparison.Ordinal) =>
                throw new InvalidDataException($"a layer of the type {mediaType} does not begin as its type says: it is damaged or mislabelled"),
            _ => whole,
        };
    }

    /// <summary>Zstandard, with damage told as gzip's is.</summary>
    private sealed class ZstdStream(Stream compressed) : ForwardStream
    {
        private readonly ZstdSharp.DecompressionStream _stream = new(compressed, leaveOpen: false);

        public override int Read(Span<byte> buffer)
        {
            try
            {
                return _stream.Read(buffer);
            }
            catch (Exception e) when (e is ZstdSharp.ZstdException or EndOfStreamException)
            {
                throw new InvalidDataException($"a layer's zstd data is damaged: {e.Message}", e);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _stream.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>Bytes that were read ahead, then the rest.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : ForwardStream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

        public override int Read(Span<byte> buffer)
        {
            if (_prefix.IsEmpty)
                return rest.Read(buffer);
            var length = Math.Min(buffer.Length, _prefix.Length);
            _prefix.Span[..length].CopyTo(buffer);
            _prefix = _prefix[length..];
            return length;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
