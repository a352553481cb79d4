namespace Grid.Oci.Layers.Deflate;

/// <summary>The symbols that stand for lengths and distances of matches, with the bits that follow them (RFC 1951 §3.2.5 and §3.2.7).</summary>
internal static class DeflateAlphabet
{
    internal const int Literals = 286, Distances = 30, CodeLengths = 19;
    internal const int EndOfBlock = 256, FirstLength = 257;
    internal const int MaxMatch = 258, MaxDistance = 32768;
    internal const int MaxCodeLength = 15, MaxCodeLengthOfLengths = 7;

    /// <summary>Symbols of the code lengths: the previous one 3 to 6 times, 0 for 3 to 10 times, 0 for 11 to 138 times.</summary>
    internal const int Repeat = 16, Zeros = 17, ManyZeros = 18;

    private const int NearDistances = 256, FarShift = 7;

    private static readonly byte[] LengthSymbols = new byte[MaxMatch + 1];
    private static readonly byte[] DistanceSymbols = new byte[2 * NearDistances];
    private static readonly int[] LengthBases = new int[Literals - FirstLength], DistanceBases = new int[Distances];

    static DeflateAlphabet()
    {
        var first = 3;
        for (var symbol = 0; symbol < LengthBases.Length - 1; symbol++)
        {
            LengthBases[symbol] = first;
            for (var end = first + (1 << LengthExtraBits(symbol)); first < end; first++)
                LengthSymbols[Math.Min(first, MaxMatch)] = (byte)symbol;
        }
        // The longest match has a symbol of its own.
        LengthBases[^1] = MaxMatch;
        LengthSymbols[MaxMatch] = (byte)(LengthBases.Length - 1);
        first = 0;
        for (var symbol = 0; symbol < DistanceBases.Length; symbol++)
        {
            DistanceBases[symbol] = first;
            for (var end = first + (1 << DistanceExtraBits(symbol)); first < end; first++)
                DistanceSymbols[DistanceIndex(first)] = (byte)symbol;
        }
    }

    /// <summary>The order in which the lengths of the codes of code lengths are written.</summary>
    internal static ReadOnlySpan<byte> CodeLengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>Which symbol a match's length has, counted from <see cref="FirstLength"/>.</summary>
    internal static int LengthSymbol(int length) => LengthSymbols[length];

    /// <summary>The shortest length of a symbol.</summary>
    internal static int LengthBase(int symbol) => LengthBases[symbol];

    /// <summary>How many bits follow a length's symbol.</summary>
    internal static int LengthExtraBits(int symbol) => symbol is < 8 or 28 ? 0 : (symbol / 4) - 1;

    /// <summary>Which symbol a distance has; here and below a distance of one byte is 0.</summary>
    internal static int DistanceSymbol(int distance) => DistanceSymbols[DistanceIndex(distance)];

    /// <summary>The shortest distance of a symbol.</summary>
    internal static int DistanceBase(int symbol) => DistanceBases[symbol];

    /// <summary>How many bits follow a distance's symbol.</summary>
    internal static int DistanceExtraBits(int symbol) => symbol < 4 ? 0 : (symbol / 2) - 1;

    /// <summary>How many bits follow a symbol of the code lengths.</summary>
    internal static int CodeLengthExtraBits(int symbol) => symbol switch { Repeat => 2, Zeros => 3, ManyZeros => 7, _ => 0 };

    // Far symbols stand for a multiple of 128 distances.
    private static int DistanceIndex(int distance) => distance < NearDistances ? distance : NearDistances + (distance >> FarShift);
}
