namespace Grid.Oci.Layers.Deflate;

/// <summary>Prefix codes of minimum redundancy for deflate's alphabets (RFC 1951 §3.2.2). Equal frequencies give equal codes on every machine.</summary>
internal static class HuffmanCode
{
    private const int MaxSymbols = DeflateAlphabet.Literals;
    private const int SymbolBits = 16;

    /// <summary>Gives each symbol that occurs the length of its code, at most <paramref name="maxLength"/> bits, and the others 0.</summary>
    internal static void Lengths(ReadOnlySpan<int> frequencies, Span<byte> lengths, int maxLength)
    {
        lengths.Clear();
        // Weight above, symbol below: one sort without ties.
        Span<long> sorted = stackalloc long[MaxSymbols];
        var count = 0;
        for (var symbol = 0; symbol < frequencies.Length; symbol++)
        {
            if (frequencies[symbol] > 0)
                sorted[count++] = ((long)frequencies[symbol] << SymbolBits) | (uint)symbol;
        }
        if (count < 2)
        {
            // A code of one symbol still has a bit.
            if (count == 1)
                lengths[SymbolOf(sorted[0])] = 1;
            return;
        }
        sorted = sorted[..count];
        sorted.Sort();
        Span<int> depths = stackalloc int[count];
        for (var i = 0; i < count; i++)
            depths[i] = (int)(sorted[i] >> SymbolBits);
        ToDepths(depths);
        Span<int> perLength = stackalloc int[maxLength + 1];
        perLength.Clear();
        foreach (var depth in depths)
            perLength[Math.Min(depth, maxLength)]++;
        Complete(perLength);
        // The rarest get the longest.
        var next = 0;
        for (var length = maxLength; length > 0; length--)
        {
            for (var n = perLength[length]; n > 0; n--)
                lengths[SymbolOf(sorted[next++])] = (byte)length;
        }
    }

    /// <summary>The codes of the lengths, each with its first bit lowest, as deflate packs them.</summary>
    internal static void Codes(ReadOnlySpan<byte> lengths, Span<ushort> codes)
    {
        Span<int> perLength = stackalloc int[DeflateAlphabet.MaxCodeLength + 1];
        perLength.Clear();
        foreach (var length in lengths)
            perLength[length]++;
        perLength[0] = 0;
        Span<int> next = stackalloc int[DeflateAlphabet.MaxCodeLength + 1];
        next[0] = 0;
        for (var length = 1; length < next.Length; length++)
            next[length] = (next[length - 1] + perLength[length - 1]) << 1;
        for (var symbol = 0; symbol < lengths.Length; symbol++)
            codes[symbol] = lengths[symbol] > 0 ? Reversed(next[lengths[symbol]]++, lengths[symbol]) : (ushort)0;
    }

    private static int SymbolOf(long weighted) => (int)(weighted & ((1 << SymbolBits) - 1));

    /// <summary>Turns weights in ascending order into the depths of their leaves in a tree of minimum redundancy (Moffat and Katajainen 1995: in one array).</summary>
    private static void ToDepths(Span<int> values)
    {
        // The two lightest of leaves and nodes become a node. Its weight takes the place of a leaf that was used up; nodes that were used up say which node is above them.
        var (leaf, node) = (0, 0);
        for (var made = 0; made < values.Length - 1; made++)
        {
            var weight = 0;
            for (var child = 0; child < 2; child++)
            {
                if (leaf >= values.Length || (node < made && values[node] < values[leaf]))
                {
                    weight += values[node];
                    values[node++] = made;
                }
                else
                {
                    weight += values[leaf++];
                }
            }
            values[made] = weight;
        }
        // Depths of the nodes, from the root down.
        values[^2] = 0;
        for (var below = values.Length - 3; below >= 0; below--)
            values[below] = values[values[below]] + 1;
        // What is no node at a depth is a leaf.
        var (places, inner, target) = (1, values.Length - 2, values.Length - 1);
        for (var depth = 0; places > 0; depth++)
        {
            var nodes = 0;
            for (; inner >= 0 && values[inner] == depth; inner--)
                nodes++;
            for (; places > nodes; places--)
                values[target--] = depth;
            places = 2 * nodes;
        }
    }

    /// <summary>After lengths were cut to the bound there are more codes than bits can tell apart: a shorter one is taken apart for each that is too many.</summary>
    private static void Complete(Span<int> perLength)
    {
        var longest = perLength.Length - 1;
        var used = 0;
        for (var length = 1; length <= longest; length++)
            used += perLength[length] << (longest - length);
        for (; used > 1 << longest; used--)
        {
            var shorter = longest - 1;
            while (perLength[shorter] == 0)
                shorter--;
            perLength[longest]--;
            perLength[shorter]--;
            perLength[shorter + 1] += 2;
        }
    }

    private static ushort Reversed(int code, int length)
    {
        var reversed = 0;
        for (; length > 0; length--, code >>= 1)
            reversed = (reversed << 1) | (code & 1);
        return (ushort)reversed;
    }
}
