using System.Buffers.Binary;

namespace Grid.Oci.Layers;

/// <summary>
/// Content that is compressed already (archives, images, encrypted data), as deflate holds it without compressing (RFC 1951 §3.2.4): trying to compress it
/// takes as long as compressing anything else, for nothing.
/// </summary>
internal static class StoredBlocks
{
    private const int MaxBlock = 65535, Header = 5;
    private const int Sample = 4096, SampleDistance = 16384;

    // How much more often than by chance two bytes may be equal, in percent. At six, codes for single bytes save at most one percent.
    private const long MaxExcess = 6;

    /// <summary>
    /// Whether the bytes, of which a part is looked at, are spread as if by chance. Counted in whole numbers, so that every machine decides the same: what a layer's
    /// blob is depends on it.
    /// </summary>
    internal static bool AreBetterFor(ReadOnlySpan<byte> content)
    {
        Span<int> counts = stackalloc int[256];
        counts.Clear();
        long sampled = 0;
        for (var offset = 0; offset < content.Length; offset += SampleDistance)
        {
            var sample = content.Slice(offset, Math.Min(Sample, content.Length - offset));
            foreach (var value in sample)
                counts[value]++;
            sampled += sample.Length;
        }
        long squares = 0;
        foreach (var count in counts)
            squares += (long)count * count;
        return squares * 256 * 100 < sampled * sampled * (100 + MaxExcess);
    }

    /// <summary>Writes blocks, none of them the last of a stream, and gives their length. The target has room for <see cref="Header"/> bytes more for each block.</summary>
    internal static int Write(ReadOnlySpan<byte> content, Span<byte> target)
    {
        var written = 0;
        while (!content.IsEmpty)
        {
            var length = Math.Min(content.Length, MaxBlock);
            target[written] = 0;
            BinaryPrimitives.WriteUInt16LittleEndian(target[(written + 1)..], (ushort)length);
            BinaryPrimitives.WriteUInt16LittleEndian(target[(written + 3)..], (ushort)~length);
            content[..length].CopyTo(target[(written + Header)..]);
            written += Header + length;
            content = content[length..];
        }
        return written;
    }
}
