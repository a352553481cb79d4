using Grid.Oci.Layers.Deflate;

namespace Grid.Oci.Tests.Layers.Deflate;

public sealed class HuffmanCodeTests
{
    [Fact]
    public void Lengths_NothingOccurs_AreZero() => Assert.Equal(new byte[4], LengthsOf([0, 0, 0, 0], 15));

    [Fact]
    public void Lengths_OneSymbolOccurs_HasOneBit() => Assert.Equal<byte[]>([0, 1, 0], LengthsOf([0, 7, 0], 15));

    [Fact]
    public void Lengths_KnownFrequencies_AreShortestForTheMostFrequent() => Assert.Equal<byte[]>([1, 2, 3, 3], LengthsOf([8, 4, 2, 1], 15));

    [Fact]
    public void Lengths_AnyFrequencies_MakeACompleteCodeWithinTheBound()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var maxLength = random.Next(2) == 0 ? DeflateAlphabet.MaxCodeLengthOfLengths : DeflateAlphabet.MaxCodeLength;
            // Steep ones have to be cut.
            var frequencies = Enumerable.Range(0, random.Next(2, maxLength == 15 ? 286 : 19)).Select(_ => random.Next(4) == 0 ? 0 : 1 << random.Next(20)).ToArray();
            frequencies[0] = frequencies[^1] = 1;
            var lengths = LengthsOf(frequencies, maxLength);
            Assert.All(frequencies.Zip(lengths), pair => Assert.Equal(pair.First > 0, pair.Second > 0));
            Assert.All(lengths, length => Assert.InRange(length, 0, maxLength));
            Assert.Equal(1 << maxLength, lengths.Where(length => length > 0).Sum(length => 1 << (maxLength - length)));
        }
    }

    /// <summary>The example of RFC 1951 §3.2.2, its codes with the first bit lowest.</summary>
    [Fact]
    public void Codes_ExampleOfTheSpecification_AreItsCodes()
    {
        var codes = new ushort[8];
        HuffmanCode.Codes([3, 3, 3, 3, 3, 2, 4, 4], codes);
        Assert.Equal<ushort[]>([0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111], codes);
    }

    private static byte[] LengthsOf(int[] frequencies, int maxLength)
    {
        var lengths = new byte[frequencies.Length];
        HuffmanCode.Lengths(frequencies, lengths, maxLength);
        return lengths;
    }
}
