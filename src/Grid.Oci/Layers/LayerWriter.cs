using System.Buffers;
using System.Security.Cryptography;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Oci.Layers;

/// <summary>
/// Writes a layer into a content store in one pass: tar, its SHA-256 (the diff ID), compression, SHA-256 of that. Equal entries give equal bytes on
/// every machine. Disposing without <see cref="Complete"/> leaves nothing. Not safe for concurrent use.
/// </summary>
public sealed class LayerWriter : IDisposable
{
    private const int ChunkSize = ParallelGzip.ChunkSize;

    private readonly BlobWriter? _blob;
    private readonly ParallelGzip? _gzip;
    private readonly ZstdSharp.CompressionStream? _zstd;
    private readonly IncrementalHash _diffId = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly string _mediaType;
    private byte[] _chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
    private int _used;
    private bool _completed;

    private LayerWriter(ContentStore? store, LayerCompression compression)
    {
        _blob = store?.CreateWriter();
        if (_blob is null)
        {
            _mediaType = MediaTypes.OciLayer;
            return;
        }
        _gzip = compression == LayerCompression.Gzip ? new ParallelGzip(_blob) : null;
        _zstd = compression == LayerCompression.Zstd ? new ZstdSharp.CompressionStream(_blob, level: 3, leaveOpen: true) : null;
        _mediaType = compression switch
        {
            LayerCompression.None => MediaTypes.OciLayer,
            LayerCompression.Zstd => MediaTypes.OciLayerZstd,
            _ => MediaTypes.OciLayerGzip,
        };
    }

    /// <summary>Entries written so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the uncompressed tar so far.</summary>
    public long Length { get; private set; }

    /// <summary>Starts a layer of which only the diff ID is wanted: nothing is compressed or kept. <see cref="CompleteDiffId"/> ends it.</summary>
    public static LayerWriter Measure() => new(null, LayerCompression.None);

    /// <summary>Starts a layer.</summary>
    public static LayerWriter Create(ContentStore store, LayerCompression compression = LayerCompression.Gzip) => new(store, compression);

    /// <summary>
    /// Adds an entry, its name as it is given: layers of ours have no "/" at the end of directories. A file's content must have
    /// <see cref="LayerEntry.Size"/> bytes; more are not read, fewer throw <see cref="InvalidDataException"/>.
    /// </summary>
    public void Write(LayerEntry entry, Stream? content = null)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        if (entry.Size > 0 && content is null)
            throw new ArgumentException($"the tar entry '{entry.Path}' has {entry.Size} bytes and no content", nameof(content));
        Append(TarHeader.Encode(entry));
        var remaining = entry.Size;
        while (remaining > 0)
        {
            if (_used == ChunkSize)
                Submit();
            var length = content!.Read(_chunk, _used, (int)Math.Min(remaining, ChunkSize - _used));
            if (length == 0)
                throw new InvalidDataException($"'{entry.Path}' ended {remaining} bytes before its {entry.Size} bytes: somebody changes it while it is packed");
            _used += length;
            remaining -= length;
        }
        Append(stackalloc byte[(int)(-entry.Size & (TarHeader.BlockSize - 1))]);
        Count++;
    }

    /// <summary>Ends the layer and puts it into the store.</summary>
    public Layer Complete()
    {
        if (_blob is null)
            throw new InvalidOperationException("a layer that is only measured has no blob");
        var diffId = CompleteDiffId();
        _gzip?.Finish();
        _zstd?.Dispose();
        return new Layer(_blob.Commit(_mediaType), diffId);
    }

    /// <summary>Ends a layer that is only measured.</summary>
    public Digest CompleteDiffId()
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        Append(stackalloc byte[2 * TarHeader.BlockSize]);
        Submit();
        _completed = true;
        return Digest.FromSha256(_diffId.GetCurrentHash());
    }

    public void Dispose()
    {
        _completed = true;
        _gzip?.Dispose();
        _zstd?.Dispose();
        _blob?.Dispose();
        _diffId.Dispose();
        if (_chunk.Length > 0)
            ArrayPool<byte>.Shared.Return(_chunk);
        _chunk = [];
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_used == ChunkSize)
                Submit();
            var length = Math.Min(bytes.Length, ChunkSize - _used);
            bytes[..length].CopyTo(_chunk.AsSpan(_used));
            _used += length;
            bytes = bytes[length..];
        }
    }

    private void Submit()
    {
        var content = _chunk.AsSpan(0, _used);
        _diffId.AppendData(content);
        Length += _used;
        if (_gzip is not null)
        {
            var chunk = _chunk;
            _chunk = [];
            _gzip.Add(chunk, _used);
            _chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        }
        else
        {
            ((Stream?)_zstd ?? _blob)?.Write(content);
        }
        _used = 0;
    }
}
