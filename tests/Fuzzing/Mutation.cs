namespace Grid.Fuzzing;

/// <summary>Makes an input out of an honest one.</summary>
internal sealed class Mutation(Random random, IReadOnlyList<byte[]> corpus, IReadOnlyList<byte[]> words)
{
    private const int MaxBytes = 1 << 17;
    private static readonly byte[] Numbers = [0, 1, 0x7F, 0x80, 0xFE, 0xFF, (byte)'0', (byte)'9', (byte)'\n', (byte)' ', (byte)'"', (byte)'\\'];

    public byte[] Make()
    {
        List<byte> bytes = [.. Pick(corpus)];
        for (var times = random.Next(1, 9); times > 0 && bytes.Count < MaxBytes; times--)
            Mutate(bytes);
        return [.. bytes];
    }

    private void Mutate(List<byte> bytes)
    {
        var at = random.Next(bytes.Count + 1);
        switch (random.Next(10))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = Pick(Numbers);
                break;
            case 2:
                bytes.Insert(at, (byte)random.Next(256));
                break;
            case 3:
                bytes.RemoveRange(at, random.Next(Math.Min(64, bytes.Count - at) + 1));
                break;
            case 4:
                bytes.InsertRange(at, Slice(bytes));
                break;
            case 5:
                bytes.InsertRange(at, Slice([.. Pick(corpus)]));
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 7 when words.Count > 0 && random.Next(8) == 0:
                Repeat(bytes, at);
                break;
            case 8 when at < bytes.Count:
                Overwrite(bytes, at);
                break;
            default:
                if (words.Count > 0)
                    bytes.InsertRange(at, Pick(words));
                break;
        }
    }

    /// <summary>A word thousands of times over: what nests or is quadratic shows.</summary>
    private void Repeat(List<byte> bytes, int at)
    {
        var word = Pick(words);
        for (var times = random.Next(1, 4_000); times > 0 && bytes.Count < MaxBytes; times--)
            bytes.InsertRange(at, word);
    }

    private void Overwrite(List<byte> bytes, int at)
    {
        for (var end = Math.Min(bytes.Count, at + random.Next(1, 16)); at < end; at++)
            bytes[at] = (byte)random.Next(256);
    }

    private List<byte> Slice(List<byte> bytes)
    {
        var start = random.Next(bytes.Count + 1);
        return bytes.GetRange(start, random.Next(Math.Min(512, bytes.Count - start) + 1));
    }

    private T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];
}
