namespace Grid.Oci.Layers.Deflate;

/// <summary>What tells a block's codes: their lengths, runs of equal ones shortened, in a code of their own (RFC 1951 §3.2.7).</summary>
internal sealed class BlockHeader
{
    private const int ExtraShift = 8, FewestCodeLengths = 4;

    private readonly ushort[] _runs = new ushort[DeflateAlphabet.Literals + DeflateAlphabet.Distances];
    private readonly byte[] _lengths = new byte[DeflateAlphabet.CodeLengths];
    private readonly int _literals, _distances, _codeLengths, _runCount;

    /// <summary>Puts the header of these code lengths together.</summary>
    /// <param name="literals">Those of literals and lengths.</param>
    /// <param name="distances">Those of distances.</param>
    internal BlockHeader(ReadOnlySpan<byte> literals, ReadOnlySpan<byte> distances)
    {
        _literals = Math.Max(literals.LastIndexOfAnyExcept((byte)0) + 1, DeflateAlphabet.FirstLength);
        _distances = Math.Max(distances.LastIndexOfAnyExcept((byte)0) + 1, 1);
        Span<byte> all = stackalloc byte[_literals + _distances];
        literals[.._literals].CopyTo(all);
        distances[.._distances].CopyTo(all[_literals..]);
        _runCount = Shorten(all, _runs);

        Span<int> counts = stackalloc int[DeflateAlphabet.CodeLengths];
        counts.Clear();
        foreach (var run in _runs.AsSpan(0, _runCount))
            counts[SymbolOf(run)]++;
        HuffmanCode.Lengths(counts, _lengths, DeflateAlphabet.MaxCodeLengthOfLengths);
        _codeLengths = DeflateAlphabet.CodeLengths;
        while (_codeLengths > FewestCodeLengths && _lengths[DeflateAlphabet.CodeLengthOrder[_codeLengths - 1]] == 0)
            _codeLengths--;
        Bits = 3 + 5 + 5 + 4 + (3 * _codeLengths);
        for (var symbol = 0; symbol < counts.Length; symbol++)
            Bits += counts[symbol] * (_lengths[symbol] + DeflateAlphabet.CodeLengthExtraBits(symbol));
    }

    /// <summary>How many bits it has, with the block's kind.</summary>
    internal int Bits { get; }

    internal void Write(ref BlockWriter writer)
    {
        writer.Put(_literals - DeflateAlphabet.FirstLength, 5);
        writer.Put(_distances - 1, 5);
        writer.Put(_codeLengths - FewestCodeLengths, 4);
        foreach (var symbol in DeflateAlphabet.CodeLengthOrder[.._codeLengths])
            writer.Put(_lengths[symbol], 3);
        Span<ushort> codes = stackalloc ushort[DeflateAlphabet.CodeLengths];
        HuffmanCode.Codes(_lengths, codes);
        foreach (var run in _runs.AsSpan(0, _runCount))
        {
            var symbol = SymbolOf(run);
            writer.Put(codes[symbol], _lengths[symbol]);
            writer.Put(run >> ExtraShift, DeflateAlphabet.CodeLengthExtraBits(symbol));
        }
    }

    private static int Shorten(ReadOnlySpan<byte> lengths, Span<ushort> runs)
    {
        var count = 0;
        for (var at = 0; at < lengths.Length;)
        {
            var rest = lengths[at..];
            var equal = rest.IndexOfAnyExcept(rest[0]) is var end and > 0 ? end : rest.Length;
            var (run, length) = rest[0] > 0 ? (rest[0], 1)
                : equal >= 11 ? Run(DeflateAlphabet.ManyZeros, equal, 11, 138)
                : equal >= 3 ? Run(DeflateAlphabet.Zeros, equal, 3, 10)
                : (0, 1);
            runs[count++] = (ushort)run;
            at += length;
            // A length that is not 0 stands for itself before it can be repeated.
            for (var left = rest[0] > 0 ? equal - 1 : 0; left >= 3;)
            {
                (run, length) = Run(DeflateAlphabet.Repeat, left, 3, 6);
                runs[count++] = (ushort)run;
                (at, left) = (at + length, left - length);
            }
        }
        return count;
    }

    private static (int Run, int Length) Run(int symbol, int equal, int least, int most)
    {
        var length = Math.Min(equal, most);
        return (symbol | ((length - least) << ExtraShift), length);
    }

    private static int SymbolOf(ushort run) => run & ((1 << ExtraShift) - 1);
}
