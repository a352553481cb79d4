using System.Text;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Layouts;

public sealed class LayoutImageStoreTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private readonly TemporaryDirectory _directory = new();
    private readonly LayoutImageStore _store = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Push_ThenFind_ByTag_ByNothing_AndByDigest()
    {
        var content = TestImages.Build();

        var pinned = await _store.PushAsync(content, At("x:1"), null, None);

        pinned.ToString().ShouldBe($"oci:{_directory["x"]}:1@{content.Digest}");
        foreach (var location in (ImageLocation[])[At("x:1"), At("x"), pinned, At($"x@{content.Digest}")])
        {
            var image = (await _store.FindAsync(location, TestImages.Amd64, None))!;
            image.Manifest.Digest.ShouldBe(content.Digest);
            (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task Find_OfWhatIsNotThere_IsNull()
    {
        (await _store.FindAsync(At("nothing:1"), TestImages.Amd64, None)).ShouldBeNull();
        await _store.PushAsync(TestImages.Build(), At("x:1"), null, None);

        (await _store.FindAsync(At("x:2"), TestImages.Amd64, None)).ShouldBeNull();
        (await _store.FindAsync(At($"x@{Digest.Compute("x"u8)}"), TestImages.Amd64, None)).ShouldBeNull();
    }

    [Fact]
    public async Task Push_OfTheSameTag_ReplacesIt_AndKeepsTheOthers()
    {
        var (first, second, third) = (TestImages.Build(1, "a"), TestImages.Build(1, "b"), TestImages.Build(1, "c"));
        await _store.PushAsync(first, At("x:1"), null, None);
        await _store.PushAsync(second, At("x:2"), null, None);
        await _store.PushAsync(third, At("x:1"), null, None);

        (await _store.FindAsync(At("x:1"), TestImages.Amd64, None))!.Manifest.Digest.ShouldBe(third.Digest);
        (await _store.FindAsync(At("x:2"), TestImages.Amd64, None))!.Manifest.Digest.ShouldBe(second.Digest);
        (await Should.ThrowAsync<ImageFormatException>(() => _store.FindAsync(At("x"), TestImages.Amd64, None))).Message.ShouldContain("2, 1");
    }

    [Fact]
    public async Task Push_ByManyAtOnce_LosesNoTag()
    {
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => new LayoutImageStore().PushAsync(TestImages.Build(1, $"{i % 3}"), At($"x:{i}"), null, None))));

        for (var i = 0; i < 12; i++)
            (await _store.FindAsync(At($"x:{i}"), TestImages.Amd64, None)).ShouldNotBeNull();
        Directory.GetFiles(_directory["x"], "*.tmp", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public async Task Push_OfAnotherPlatformUnderTheSameTag_KeepsBoth()
    {
        var arm = TestImages.Build(1, "arm", builder => builder.Config = builder.Config with { Architecture = "arm64" });
        var amd = TestImages.Build(1, "amd");
        await _store.PushAsync(arm, At("x:1"), null, None);
        await _store.PushAsync(amd, At("x:1"), null, None);

        (await _store.FindAsync(At("x:1"), new Platform("linux", "arm64"), None))!.Manifest.Digest.ShouldBe(arm.Digest);
        (await _store.FindAsync(At("x:1"), TestImages.Amd64, None))!.Manifest.Digest.ShouldBe(amd.Digest);
        (await Should.ThrowAsync<ImageFormatException>(() => _store.FindAsync(At("x:1"), new Platform("linux", "s390x"), None)))
            .Message.ShouldContain("it has linux/arm64, linux/amd64");
    }

    [Fact]
    public async Task Push_FromTheContentStore_LinksTheLayers()
    {
        var store = new ContentStore(_directory["store"]);
        var blobs = new MemoryBlobs();
        var layer = TestImages.AddLayer(blobs, "f", "content");
        await store.PutAsync(TestImages.Read(blobs, layer.Blob), MediaTypes.OciLayerGzip, None);
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(layer, store).Build();
        var reports = new Reports();

        await _store.PushAsync(content, At("x:1"), reports, None);

        reports.Ends.ShouldBe([PushStep.Mounted, PushStep.Sent, PushStep.Sent]);
        (await ImageValidator.ValidateAsync((await _store.FindAsync(At("x:1"), TestImages.Amd64, None))!, None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Push_OfWrongBytes_LeavesNoBlobAndNoTag()
    {
        var blobs = new MemoryBlobs();
        var layer = TestImages.AddLayer(blobs, "f", "content");
        var content = ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(layer, new Wrong(layer.Blob.Size)).Build();

        await Should.ThrowAsync<BlobMismatchException>(() => _store.PushAsync(content, At("x:1"), null, None));

        Directory.GetFiles(_directory["x"], "*", SearchOption.AllDirectories).Select(Path.GetFileName).ShouldBe(["oci-layout"]);
    }

    [Fact]
    public async Task CheckWrite_LeavesNothing_AndNamesWhatIsInTheWay()
    {
        await _store.CheckWriteAsync(At("a/b/c:1"), None);
        Directory.GetFileSystemEntries(_directory.Path).ShouldBeEmpty();

        (await Should.ThrowAsync<ImageAccessException>(() => _store.CheckWriteAsync(ImageLocation.Parse("oci:/proc/nothing:1"), None))).Message.ShouldContain("/proc/nothing");
    }

    [Fact]
    public async Task WhatUmociMakes_WeRead_AndWhatWeMake_UmociReads()
    {
        ExternalTool.Require("umoci");
        var umoci = _directory["umoci"];
        Directory.CreateDirectory(_directory["tree"]);
        await File.WriteAllTextAsync(_directory["tree/hello"], "hello", None);
        await ExternalTool.RunAsync("umoci", "init", "--layout", umoci);
        await ExternalTool.RunAsync("umoci", "new", "--image", umoci + ":1");
        await ExternalTool.RunAsync("umoci", "insert", "--rootless", "--image", umoci + ":1", _directory["tree"], "/tree");

        var image = (await _store.FindAsync(At("umoci:1"), TestImages.Amd64, None))!;
        var blobs = new MemoryBlobs();
        var content = ImageBuilder.From(image).AddLayer(TestImages.AddLayer(blobs, "more", "more"), blobs, history: new HistoryEntry { CreatedBy = "us" }).Build();
        await _store.PushAsync(content, At("umoci:2"), null, None);
        var stat = await ExternalTool.RunAsync("umoci", "stat", "--image", umoci + ":2");
        var tags = await ExternalTool.RunAsync("umoci", "ls", "--layout", umoci);

        (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
        stat.ShouldContain("us");
        tags.Split('\n').ShouldBe(["1", "2", ""], ignoreOrder: true);
    }

    [Fact]
    public async Task WhatWeWrite_SkopeoReads()
    {
        ExternalTool.Require("skopeo");
        var content = TestImages.Build();
        await _store.PushAsync(content, At("x:1"), null, None);

        (await ExternalTool.RunAsync("skopeo", "inspect", $"oci:{_directory["x"]}:1")).ShouldContain(content.Digest.ToString());
    }

    [Fact]
    public async Task NestedIndex_IsFollowed_ButNotForEver()
    {
        var content = TestImages.Build(1);
        await _store.PushAsync(content, At("x:1"), null, None);
        var entry = content.ManifestDescriptor with { Platform = TestImages.Amd64 };
        for (var depth = 1; depth <= 6; depth++)
        {
            var index = ImageDocuments.Write(new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [entry] });
            entry = new Descriptor(MediaTypes.OciIndex, Digest.Compute(index), index.Length);
            await File.WriteAllBytesAsync(Path.Combine(_directory["x"], "blobs/sha256", entry.Digest.Hex), index, None);
            await File.WriteAllBytesAsync(Path.Combine(_directory["x"], "index.json"), ImageDocuments.Write(new ImageIndex { Manifests = [entry] }), None);

            if (depth <= 4)
                (await _store.FindAsync(At("x"), TestImages.Amd64, None))!.Manifest.Digest.ShouldBe(content.Digest);
            else
                (await Should.ThrowAsync<ImageFormatException>(() => _store.FindAsync(At("x"), TestImages.Amd64, None))).Message.ShouldContain("nested");
        }
    }

    [Fact]
    public async Task HostileLayout_WithALinkInPlaceOfABlob_IsNotFollowed()
    {
        var content = TestImages.Build(1);
        await _store.PushAsync(content, At("x:1"), null, None);
        var blob = content.Layers[0].Layer.Blob;
        var path = Path.Combine(_directory["x"], "blobs/sha256", blob.Digest.Hex);
        File.Move(path, _directory["outside"]);
        File.CreateSymbolicLink(path, _directory["outside"]);
        var image = (await _store.FindAsync(At("x:1"), TestImages.Amd64, None))!;

        (await Should.ThrowAsync<ImageFormatException>(() => image.Blobs.OpenAsync(blob, None))).Message.ShouldContain("not a regular file");
    }

    [Theory]
    [InlineData("sha256:../../../../etc/passwd")]
    [InlineData("sha256:ABCDEF")]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427e")]
    public async Task HostileLayout_WithADigestThatIsNone_IsRefused(string digest)
    {
        await WriteIndexAsync($$"""{"schemaVersion":2,"manifests":[{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{digest}}","size":5}]}""");

        (await Should.ThrowAsync<ImageFormatException>(() => _store.FindAsync(At("x"), TestImages.Amd64, None))).Message.ShouldContain("not a sha256 digest");
    }

    [Fact]
    public async Task HostileLayout_WithTheWrongSize_IsRefused()
    {
        var content = TestImages.Build(1);
        await _store.PushAsync(content, At("x:1"), null, None);
        await WriteIndexAsync($$"""{"schemaVersion":2,"manifests":[{"mediaType":"{{MediaTypes.OciManifest}}","digest":"{{content.Digest}}","size":5}]}""");

        await Should.ThrowAsync<BlobMismatchException>(() => _store.FindAsync(At("x"), TestImages.Amd64, None));
    }

    [Theory]
    [InlineData(null, "no 'oci-layout' file")]
    [InlineData("""{"imageLayoutVersion":"2.0.0"}""", "version '2.0.0'")]
    [InlineData("nonsense", "not valid JSON")]
    public async Task DirectoryThatIsNoLayout_IsRefused(string? marker, string message)
    {
        await WriteIndexAsync("""{"schemaVersion":2,"manifests":[]}""");
        File.Delete(_directory["x/oci-layout"]);
        if (marker is not null)
            await File.WriteAllTextAsync(_directory["x/oci-layout"], marker, None);

        (await Should.ThrowAsync<ImageFormatException>(() => _store.FindAsync(At("x"), TestImages.Amd64, None))).Message.ShouldContain(message);
    }

    private async Task WriteIndexAsync(string json)
    {
        Directory.CreateDirectory(_directory["x"]);
        await File.WriteAllTextAsync(_directory["x/oci-layout"], """{"imageLayoutVersion":"1.0.0"}""", None);
        await File.WriteAllBytesAsync(_directory["x/index.json"], Encoding.UTF8.GetBytes(json), None);
    }

    private ImageLocation At(string name) => ImageLocation.Parse($"oci:{_directory[name]}");

    private sealed class Wrong(long size) : IBlobSource
    {
        public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) => Task.FromResult<Stream>(new MemoryStream(new byte[size]));
    }
}
