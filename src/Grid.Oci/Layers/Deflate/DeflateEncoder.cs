using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Grid.Oci.Layers.Deflate;

/// <summary>
/// Deflate (RFC 1951) for layers: about the size of zlib's level 2 in two thirds of its time. What it writes depends on the content alone, not on the processor
/// or the runtime's version: a layer's blob has one digest on every node.
/// </summary>
/// <remarks>
/// One place is remembered for each hash of four bytes, the newest; a match is taken where it is found, unless the next byte begins a longer one. Numbers are read in the machine's byte order: there is no
/// .NET of ours on a machine with the other one.
/// </remarks>
internal static unsafe class DeflateEncoder
{
    // 8,192 places of two bytes stay in the nearest cache: with more of them the result is hardly smaller, and it takes longer.
    private const int HashBits = 13;

    // What is read at once behind a position.
    private const int Margin = 16;

    // A match this long is taken without looking for a longer one at the next byte.
    private const int GoodMatch = 32;

    /// <summary>How long the result can be.</summary>
    internal static int MaxLength(int length) => length + (length / 1024) + 1024;

    /// <summary>Writes the content as blocks, none of them the last of a stream, that end with a whole byte; gives their length.</summary>
    internal static int Compress(ReadOnlySpan<byte> content, Span<byte> target)
    {
        if (target.Length < MaxLength(content.Length))
            throw new ArgumentException($"{content.Length} bytes need room for {MaxLength(content.Length)}", nameof(target));
        var places = ArrayPool<ushort>.Shared.Rent(1 << HashBits);
        try
        {
            // What another content left there would be a hint as good as any, and the result another one.
            places.AsSpan(0, 1 << HashBits).Clear();
            using var matches = new Matches();
            var writer = new BlockWriter(target);
            fixed (byte* input = content)
            fixed (ushort* hashed = places)
            {
                for (var start = 0; start < content.Length;)
                {
                    var end = FindMatches(input, start, content.Length, hashed, matches);
                    writer.Write(content[start..end], matches);
                    start = end;
                }
            }
            return writer.Finish();
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(places);
        }
    }

    /// <summary>Finds the matches of the block that begins at a position; gives its end.</summary>
    private static int FindMatches(byte* input, int start, int length, ushort* places, Matches matches)
    {
        matches.Clear();
        var end = Math.Min(start + Matches.BlockLength, length);
        var limit = Math.Min(end, length - Margin);
        var counts = matches.LiteralCounts;
        var (at, literals) = (start, start);
        while (at < limit)
        {
            var distance = Look(input, places, at);
            if (distance == 0)
            {
                counts[input[at++]]++;
                continue;
            }
            var matched = MatchLength(input, at, distance, length);
            var later = Look(input, places, at + 1);
            if (later > 0 && matched < GoodMatch && MatchLength(input, at + 1, later, length) is var longer && longer > matched)
            {
                counts[input[at++]]++;
                (distance, matched) = (later, longer);
            }
            matches.Add(at - literals, matched, distance);
            literals = at += matched;
            // All places in the match would make the result one percent smaller and take a tenth longer.
            if (at < limit)
                places[Hash(Unsafe.ReadUnaligned<uint>(input + at - 2))] = (ushort)(at - 2);
        }
        // The last bytes of all are not looked at.
        for (; end == length && at < end; at++)
            counts[input[at]]++;
        matches.End(at - literals);
        return at;
    }

    /// <summary>How far back the four bytes at a position were seen last, or 0; remembers the position.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Look(byte* input, ushort* places, int at)
    {
        var four = Unsafe.ReadUnaligned<uint>(input + at);
        var place = places + Hash(four);
        // Only the lower half of a position is kept. What is no match any more, or never was one, is told by the bytes.
        var distance = (ushort)(at - *place);
        *place = (ushort)at;
        return distance <= DeflateAlphabet.MaxDistance && Unsafe.ReadUnaligned<uint>(input + at - distance) == four ? distance : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(uint four) => (four * 0x9E3779B1) >> (32 - HashBits);

    /// <summary>How many bytes are equal; the first four are known to be.</summary>
    private static int MatchLength(byte* input, int at, int distance, int length)
    {
        var here = input + at;
        var before = here - distance;
        var max = Math.Min(DeflateAlphabet.MaxMatch, length - at);
        var matched = 4;
        for (; matched + 8 <= max; matched += 8)
        {
            var difference = Unsafe.ReadUnaligned<ulong>(here + matched) ^ Unsafe.ReadUnaligned<ulong>(before + matched);
            if (difference != 0)
                return matched + (BitOperations.TrailingZeroCount(difference) >> 3);
        }
        while (matched < max && here[matched] == before[matched])
            matched++;
        return matched;
    }
}
