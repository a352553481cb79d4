using System.IO.Compression;
using System.Text;
using Grid.Oci.Layers.Deflate;

namespace Grid.Oci.Tests.Layers.Deflate;

/// <summary>What the encoder writes is what zlib reads, for content of every kind, and the same on every machine.</summary>
public sealed class DeflateEncoderTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(Matches.BlockLength - 1)]
    [InlineData(Matches.BlockLength)]
    [InlineData(Matches.BlockLength + 1)]
    [InlineData(Matches.BlockLength + 15)]
    [InlineData(512 * 1024)]
    public void Compress_AnyLength_IsReadBack(int length)
    {
        AssertReadBack(new byte[length]);
        AssertReadBack(Text(length, new Random(length)));
        AssertReadBack(Noise(length, new Random(length)));
    }

    [Fact]
    public void Compress_ContentOfManyKinds_IsReadBack()
    {
        for (var seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            var content = new List<byte>();
            for (var parts = random.Next(1, 12); parts > 0; parts--)
            {
                var length = random.Next(1, random.Next(2, 40_000));
                content.AddRange(random.Next(6) switch
                {
                    0 => Noise(length, random),
                    1 => Text(length, random),
                    2 => Enumerable.Repeat((byte)random.Next(256), length),
                    3 => Few(length, random),
                    4 => Rising(length),
                    _ => content.Take(length).ToArray(),
                });
            }
            AssertReadBack([.. content]);
        }
    }

    /// <summary>Each symbol is as frequent as the two rarer ones together: an unbounded code would have more than 15 bits.</summary>
    [Fact]
    public void Compress_FrequenciesLikeFibonacci_KeepsCodesWithinFifteenBits()
    {
        var content = new List<byte>();
        var (count, next) = (1, 1);
        for (var symbol = 0; symbol < 22; symbol++)
        {
            content.AddRange(Enumerable.Repeat((byte)(symbol * 11), count));
            (count, next) = (next, count + next);
        }
        var shuffled = content.ToArray();
        new Random(1).Shuffle(shuffled);
        AssertReadBack(shuffled);
    }

    [Theory]
    [InlineData(DeflateAlphabet.MaxDistance)]
    [InlineData(DeflateAlphabet.MaxDistance + 1)]
    [InlineData(65536)]
    public void Compress_RepeatFarBack_IsReadBack(int distance)
    {
        var content = Noise(distance, new Random(2));
        AssertReadBack([.. content, .. content[..300]]);
    }

    [Fact]
    public void Compress_Noise_GrowsByLessThanAThousandth()
    {
        var content = Noise(512 * 1024, new Random(3));
        Assert.InRange(Compressed(content).Length, content.Length, content.Length + (content.Length / 1000));
    }

    [Fact]
    public void Compress_Text_IsNotMuchLargerThanByZlib()
    {
        var content = Text(512 * 1024, new Random(4));
        using var zlib = new MemoryStream();
        using (var deflate = new DeflateStream(zlib, new ZLibCompressionOptions { CompressionLevel = 2 }, leaveOpen: true))
            deflate.Write(content);
        Assert.InRange(Compressed(content).Length, 0, zlib.Length * 115 / 100);
    }

    /// <summary>A layer's blob has one digest, whichever node makes it: another result here means that caches of grids in use do not meet any more.</summary>
    [Fact]
    public void Compress_KnownContent_GivesKnownBytes()
    {
        var content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i} of {i % 97}, {i * 7919 % 1000}\n")));
        Assert.Equal("sha256:a3d913d0dc09dd94bb8b854bec49749b6b720c9b898b7d0474304f8e8abf8495", Digest.Compute(Compressed(content)).ToString());
    }

    [Fact]
    public void Compress_TargetTooSmall_IsRefused() =>
        Assert.Throws<ArgumentException>(() => DeflateEncoder.Compress(new byte[100], new byte[100]));

    private static void AssertReadBack(byte[] content)
    {
        var compressed = Compressed(content);
        // A last, empty block: what is written are blocks in the middle of a stream.
        using var deflate = new DeflateStream(new MemoryStream([.. compressed, 0x03, 0x00]), CompressionMode.Decompress);
        using var back = new MemoryStream();
        deflate.CopyTo(back);
        Assert.True(content.AsSpan().SequenceEqual(back.GetBuffer().AsSpan(0, (int)back.Length)), $"{content.Length} bytes were read back as other {back.Length}");
    }

    private static byte[] Compressed(byte[] content)
    {
        var target = new byte[DeflateEncoder.MaxLength(content.Length)];
        return target[..DeflateEncoder.Compress(content, target)];
    }

    private static byte[] Noise(int length, Random random)
    {
        var content = new byte[length];
        random.NextBytes(content);
        return content;
    }

    private static byte[] Text(int length, Random random)
    {
        string[] words = [.. Enumerable.Range(0, 400).Select(_ => new string([.. Enumerable.Range(0, random.Next(2, 9)).Select(_ => (char)random.Next('a', 'z'))]))];
        var text = new StringBuilder();
        while (text.Length < length)
            text.Append(words[random.Next(random.Next(1, words.Length))]).Append(random.Next(9) == 0 ? '\n' : ' ');
        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    private static byte[] Few(int length, Random random) => [.. Enumerable.Range(0, length).Select(_ => (byte)random.Next(3))];

    private static byte[] Rising(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i >> 3))];
}
