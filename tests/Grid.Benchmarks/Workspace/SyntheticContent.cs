namespace Grid.Benchmarks.Workspace;

/// <summary>Content of files: half of what apps consist of is compressed already, half is like text.</summary>
internal static class SyntheticContent
{
    private const string Letters = "etaoin shrdlu\n";

    /// <summary>One file. The same random source gives the same content.</summary>
    /// <param name="random">Where it comes from.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="isCompressed">Whether it looks as compressed content does; otherwise as text.</param>
    public static byte[] Make(Random random, int length, bool isCompressed)
    {
        var bytes = new byte[length];
        if (isCompressed)
            random.NextBytes(bytes);
        else
            for (var i = 0; i < length; i++)
                bytes[i] = (byte)Letters[random.Next(Letters.Length) * random.Next(Letters.Length) / Letters.Length];
        return bytes;
    }
}
