using CsCheck;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Layers;
using Grid.Oci.Tests.FileSystem;

namespace Grid.Oci.Tests.Layers;

public sealed class LayerRoundTripTests
{
    private static readonly Gen<string> Name =
        Gen.OneOf(Gen.Char['a', 'z'].Array[1, 30], Gen.Byte.Select(b => (char)b).Array[1, 60])
            .Select(c => BytePath.Decode([.. c.Select(x => (byte)x).Where(b => b is not (0 or (byte)'/' or (byte)'.'))]))
            .Where(n => n.Length > 0);

    private static readonly Gen<string> EntryName = Name.Array[1, 8].Select(parts => string.Join('/', parts));

    private static readonly Gen<(LayerEntry, byte[])> AnyEntry =
        from path in EntryName
        from type in Gen.Enum<LayerEntryType>()
        from link in EntryName
        from mode in Gen.Int[0, 0xFFF]
        from owner in Gen.Select(Gen.OneOf(Gen.Int[0, 70000], Gen.Int[0, int.MaxValue]), Gen.Int[0, int.MaxValue])
        from seconds in Gen.Long[-100_000_000_000, 200_000_000_000]
        from content in Gen.Byte.Array[0, 2000]
        from device in Gen.Select(Gen.UInt[0, 4095], Gen.UInt[0, 1_048_575])
        from xattr in Gen.Byte.Array[0, 300]
        let isFile = type == LayerEntryType.File
        select (new LayerEntry(path, type)
        {
            Mode = mode,
            Owner = new Owner(owner.Item1, owner.Item2),
            Size = isFile ? content.Length : 0,
            LinkTarget = type is LayerEntryType.SymbolicLink or LayerEntryType.HardLink ? link : null,
            ModifiedTime = DateTimeOffset.FromUnixTimeSeconds(Math.Abs(seconds)),
            Device = type is LayerEntryType.CharacterDevice or LayerEntryType.BlockDevice ? device : default,
            Xattrs = xattr.Length % 3 == 0 ? new Dictionary<string, byte[]> { ["user.x"] = xattr } : null,
        }, isFile ? content : []);

    [Fact]
    public void Read_WhatWasWritten_IsTheSame() => AnyEntry.Array[0, 20].Sample(
        entries =>
        {
            using var scratch = new ScratchDirectory();
            var store = new ContentStore(scratch.Path);
            var read = LayerTestData.Read(store, LayerTestData.Write(store, entries));
            read.Count.ShouldBe(entries.Length);
            foreach (var ((entry, content), (back, contentBack)) in entries.Zip(read))
            {
                (back with { Xattrs = null }).ShouldBe(entry with { Xattrs = null });
                contentBack.ShouldBe(content);
                (back.Xattrs?["user.x"]).ShouldBe(entry.Xattrs?["user.x"]);
            }
        },
        iter: 100);

    [Theory]
    [InlineData(LayerCompression.None)]
    [InlineData(LayerCompression.Gzip)]
    [InlineData(LayerCompression.Zstd)]
    public void Complete_OfLargeContent_HashesWhatItStores(LayerCompression compression)
    {
        using var scratch = new ScratchDirectory();
        var store = new ContentStore(scratch.Path);
        var content = new byte[3_000_001];
        new Random(1).NextBytes(content.AsSpan(0, 1_500_000));
        using var writer = LayerWriter.Create(store, compression);
        writer.Write(LayerTestData.File("big") with { Size = content.Length }, new MemoryStream(content));
        var layer = writer.Complete();

        Digest.Compute(File.ReadAllBytes(store.PathOf(layer.Blob.Digest))).ShouldBe(layer.Blob.Digest);
        new FileInfo(store.PathOf(layer.Blob.Digest)).Length.ShouldBe(layer.Blob.Size);
        var tar = LayerTestData.Tar(store, layer);
        Digest.Compute(tar).ShouldBe(layer.DiffId);
        LayerTestData.Read(new MemoryStream(tar)).Single().Content.ShouldBe(content);
    }

    [Fact]
    [Decision(33)]
    public void Write_SameEntriesInOtherPieces_GivesTheSameBlob()
    {
        using var scratch = new ScratchDirectory();
        var store = new ContentStore(scratch.Path);
        var content = new byte[2_000_000];
        new Random(2).NextBytes(content);
        var entry = LayerTestData.File("f") with { Size = content.Length };
        using var first = LayerWriter.Create(store);
        first.Write(entry, new MemoryStream(content));
        using var second = LayerWriter.Create(store);
        second.Write(entry, new TrickleStream(content));

        second.Complete().ShouldBe(first.Complete());
    }

    [Fact]
    [Decision(33)]
    public void Gzip_IsOneMember_ThatGzipAccepts()
    {
        using var scratch = new ScratchDirectory();
        var store = new ContentStore(scratch.Sub("store"));
        var layer = LayerTestData.Write(store, (LayerTestData.File("f"), new byte[5_000_000]));

        scratch.Run($"gzip -t < {store.PathOf(layer.Blob.Digest)}");
        scratch.Run($"gunzip < {store.PathOf(layer.Blob.Digest)} | sha256sum").ShouldStartWith(layer.DiffId.Hex);
    }

    [Fact]
    [Decision(33)]
    public void Gzip_OfWhatCannotBeCompressed_HardlyGrows_AndGzipAcceptsIt()
    {
        using var scratch = new ScratchDirectory();
        var store = new ContentStore(scratch.Sub("store"));
        // Chunks of both kinds, and one that is cut in the middle of a block.
        var content = new byte[5_000_001];
        new Random(3).NextBytes(content.AsSpan(1_000_000, 3_500_000));
        var layer = LayerTestData.Write(store, (LayerTestData.File("f"), content));

        scratch.Run($"gunzip < {store.PathOf(layer.Blob.Digest)} | sha256sum").ShouldStartWith(layer.DiffId.Hex);
        layer.Blob.Size.ShouldBeInRange(3_500_000, 3_530_000);
        LayerTestData.Read(store, layer).Single().Content.ShouldBe(content);
    }

    [Theory]
    [InlineData(256, true)]
    [InlineData(255, true)]
    [InlineData(240, false)]
    [InlineData(64, false)]
    [InlineData(1, false)]
    public void StoredBlocks_AreForBytesOfAllValues(int values, bool expected)
    {
        var content = new byte[512 * 1024];
        var random = new Random(4);
        for (var i = 0; i < content.Length; i++)
            content[i] = (byte)random.Next(values);
        StoredBlocks.AreBetterFor(content).ShouldBe(expected);
    }

    [Fact]
    public void Write_ContentShorterThanItsSize_Throws()
    {
        using var scratch = new ScratchDirectory();
        var store = new ContentStore(scratch.Path);
        using (var writer = LayerWriter.Create(store))
        {
            Should.Throw<InvalidDataException>(() => writer.Write(LayerTestData.File("f") with { Size = 9 }, new MemoryStream([1, 2])))
                .Message.ShouldContain("'f'");
        }
        Directory.EnumerateFiles(Path.Combine(scratch.Path, "ingest")).ShouldBeEmpty();
    }

    /// <summary>Hands out a few bytes at a time.</summary>
    private sealed class TrickleStream(byte[] content) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 7777));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 7777)]);
    }
}
