namespace Grid.Oci.Layers.Deflate;

/// <summary>What a block writes for literals, for lengths with the bits that follow, and for distances: the bits below, how many above.</summary>
internal readonly struct BlockCodes
{
    internal const int LengthShift = 24;
    internal const uint CodeMask = (1 << LengthShift) - 1;

    internal BlockCodes(ReadOnlySpan<byte> literals, ReadOnlySpan<byte> distances)
    {
        Span<ushort> codes = stackalloc ushort[DeflateAlphabet.Literals];
        HuffmanCode.Codes(literals, codes);
        for (var symbol = 0; symbol < Literals.Length; symbol++)
            Literals[symbol] = Packed(codes[symbol], literals[symbol]);
        for (var length = 3; length < Lengths.Length; length++)
        {
            var symbol = DeflateAlphabet.LengthSymbol(length);
            var (code, bits) = (codes[DeflateAlphabet.FirstLength + symbol], literals[DeflateAlphabet.FirstLength + symbol]);
            Lengths[length] = Packed(code | ((length - DeflateAlphabet.LengthBase(symbol)) << bits), bits + DeflateAlphabet.LengthExtraBits(symbol));
        }
        HuffmanCode.Codes(distances, codes[..distances.Length]);
        for (var symbol = 0; symbol < Distances.Length; symbol++)
            Distances[symbol] = Packed(codes[symbol], distances[symbol]);
    }

    internal uint[] Literals { get; } = new uint[DeflateAlphabet.EndOfBlock + 1];

    internal uint[] Lengths { get; } = new uint[DeflateAlphabet.MaxMatch + 1];

    internal uint[] Distances { get; } = new uint[DeflateAlphabet.Distances];

    private static uint Packed(int code, int bits) => (uint)code | ((uint)bits << LengthShift);
}
