using System.Runtime.CompilerServices;

namespace Grid.Oci.Layers.Deflate;

/// <summary>Writes blocks with codes of their own (RFC 1951 §3.2.7), or stored where codes would not make them smaller.</summary>
internal unsafe ref struct BlockWriter(Span<byte> target)
{
    private const int Dynamic = 0b100, Stored = 0b000;

    private readonly Span<byte> _target = target;
    private int _position;
    private ulong _bits;
    private int _count;

    /// <summary>Writes one block.</summary>
    internal void Write(ReadOnlySpan<byte> content, Matches matches)
    {
        Span<byte> literals = stackalloc byte[DeflateAlphabet.Literals];
        Span<byte> distances = stackalloc byte[DeflateAlphabet.Distances];
        HuffmanCode.Lengths(matches.LiteralCounts, literals, DeflateAlphabet.MaxCodeLength);
        HuffmanCode.Lengths(matches.DistanceCounts, distances, DeflateAlphabet.MaxCodeLength);
        var header = new BlockHeader(literals, distances);
        if (header.Bits + BodyBits(matches, literals, distances) >= 8L * content.Length)
        {
            WriteStored(content);
            return;
        }
        Put(Dynamic, 3);
        header.Write(ref this);
        WriteBody(content, matches.Found, new BlockCodes(literals, distances));
    }

    /// <summary>Ends with a whole byte; gives the length of all.</summary>
    internal int Finish()
    {
        // An empty stored block does that.
        if (_count > 0)
            PutStoredHeader(0);
        return _position;
    }

    /// <summary>Writes a few bits, the lowest first.</summary>
    internal void Put(int value, int count)
    {
        _bits |= (ulong)(uint)value << _count;
        _count += count;
        for (; _count >= 8; _count -= 8, _bits >>= 8)
            _target[_position++] = (byte)_bits;
    }

    private static long BodyBits(Matches matches, ReadOnlySpan<byte> literals, ReadOnlySpan<byte> distances)
    {
        long bits = 0;
        for (var symbol = 0; symbol < literals.Length; symbol++)
        {
            var extra = symbol < DeflateAlphabet.FirstLength ? 0 : DeflateAlphabet.LengthExtraBits(symbol - DeflateAlphabet.FirstLength);
            bits += (long)matches.LiteralCounts[symbol] * (literals[symbol] + extra);
        }
        for (var symbol = 0; symbol < distances.Length; symbol++)
            bits += (long)matches.DistanceCounts[symbol] * (distances[symbol] + DeflateAlphabet.DistanceExtraBits(symbol));
        return bits;
    }

    // At most 48 bits come between two writes of the bits that are whole bytes, and 7 are left of them. A write of eight bytes may go beyond what is needed: the target has room for that.
    private void WriteBody(ReadOnlySpan<byte> content, ReadOnlySpan<Match> matches, in BlockCodes codes)
    {
        fixed (byte* start = _target, first = content)
        fixed (uint* literals = codes.Literals, lengths = codes.Lengths, distances = codes.Distances)
        {
            var output = new BitOutput { Target = start + _position, Bits = _bits, Count = _count };
            var input = first;
            foreach (var match in matches)
            {
                var left = match.Literals;
                for (; left >= 3; left -= 3, input += 3)
                {
                    output.Add(literals[input[0]]);
                    output.Add(literals[input[1]]);
                    output.Add(literals[input[2]]);
                    output.Flush();
                }
                for (; left > 0; left--)
                    output.Add(literals[*input++]);
                output.Flush();
                if (match.Length == 0)
                    continue;
                var symbol = DeflateAlphabet.DistanceSymbol(match.Distance);
                output.Add(lengths[match.Length]);
                output.Add(distances[symbol]);
                output.Add((uint)(match.Distance - DeflateAlphabet.DistanceBase(symbol)), DeflateAlphabet.DistanceExtraBits(symbol));
                output.Flush();
                input += match.Length;
            }
            output.Add(literals[DeflateAlphabet.EndOfBlock]);
            output.Flush();
            (_position, _bits, _count) = ((int)(output.Target - start), output.Bits, output.Count);
        }
    }

    private void WriteStored(ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            var length = Math.Min(content.Length, ushort.MaxValue);
            PutStoredHeader(length);
            content[..length].CopyTo(_target[_position..]);
            _position += length;
            content = content[length..];
        }
    }

    private void PutStoredHeader(int length)
    {
        Put(Stored, 3);
        if (_count > 0)
            Put(0, 8 - _count);
        Put(length, 16);
        Put(~length & 0xFFFF, 16);
    }

    private struct BitOutput
    {
        internal byte* Target;
        internal ulong Bits;
        internal int Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Add(uint code) => Add(code & BlockCodes.CodeMask, (int)(code >> BlockCodes.LengthShift));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Add(uint bits, int count)
        {
            Bits |= (ulong)bits << Count;
            Count += count;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Flush()
        {
            Unsafe.WriteUnaligned(Target, Bits);
            Target += Count >> 3;
            Bits >>= Count & ~7;
            Count &= 7;
        }
    }
}
