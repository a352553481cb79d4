using System.Buffers.Binary;
using System.Text;

namespace Grid.Oci.Content;

/// <summary>
/// Which blobs of a store have been hashed and found right since the machine started. Content that was written before a power failure may have the right
/// length and wrong bytes, so what another boot found counts no longer; neither does a file that has been written to since.
/// </summary>
/// <remarks>
/// One file: the boot's id, then 40 bytes for each blob (SHA-256, modification time). A record that is lost, or torn by another process, only costs
/// hashing the blob once more.
/// </remarks>
internal sealed class VerifiedBlobs(string path)
{
    private const string BootId = "/proc/sys/kernel/random/boot_id";
    private const int HeaderLength = 36;
    private const int RecordLength = 40;
    private readonly Lock _lock = new();
    private Dictionary<Digest, long>? _known;

    /// <summary>Whether the blob was verified and its file has not been written to since.</summary>
    public bool Contains(Digest digest, DateTime modified)
    {
        lock (_lock)
            return Known().TryGetValue(digest, out var ticks) && ticks == modified.Ticks;
    }

    /// <summary>Remembers a blob whose content has just been hashed.</summary>
    public void Add(Digest digest, DateTime modified)
    {
        lock (_lock)
        {
            if (Known().TryGetValue(digest, out var ticks) && ticks == modified.Ticks)
                return;
            _known![digest] = modified.Ticks;
            Span<byte> record = stackalloc byte[RecordLength];
            Convert.FromHexString(digest.Hex, record[..32], out _, out _);
            BinaryPrimitives.WriteInt64LittleEndian(record[32..], modified.Ticks);
            using var file = Open();
            file.Seek(0, SeekOrigin.End);
            file.Write(record);
        }
    }

    private Dictionary<Digest, long> Known()
    {
        if (_known is not null)
            return _known;
        using var file = Open();
        var boot = Encoding.ASCII.GetBytes(File.ReadAllText(BootId).TrimEnd().PadRight(HeaderLength)[..HeaderLength]);
        var content = new byte[file.Length];
        file.ReadExactly(content);
        _known = [];
        if (content.Length < HeaderLength || !content.AsSpan(0, HeaderLength).SequenceEqual(boot))
        {
            file.SetLength(0);
            file.Write(boot);
            return _known;
        }
        var records = (content.Length - HeaderLength) / RecordLength;
        for (var i = 0; i < records; i++)
        {
            var record = content.AsSpan(HeaderLength + (i * RecordLength), RecordLength);
            _known[Digest.FromSha256(record[..32])] = BinaryPrimitives.ReadInt64LittleEndian(record[32..]);
        }
        file.SetLength(HeaderLength + (records * RecordLength));
        return _known;
    }

    private FileStream Open() => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
}
