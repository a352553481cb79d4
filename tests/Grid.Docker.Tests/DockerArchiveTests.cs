using System.Formats.Tar;
using System.Text;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Tests.Images;

namespace Grid.Docker.Tests;

/// <summary>The archives of <c>docker save</c> and <c>docker load</c>, against skopeo.</summary>
public sealed class DockerArchiveTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task WhatSkopeoSaves_IsReadAsASoundImage()
    {
        ExternalTool.Require("skopeo");
        using var directory = new TemporaryDirectory();
        var content = TestImages.Build(3);
        await new LayoutImageStore().PushAsync(content, ImageLocation.Parse($"oci:{directory["in"]}:x"), null, None);
        await ExternalTool.RunAsync("skopeo", "--insecure-policy", "copy", "-q", $"oci:{directory["in"]}:x", $"docker-archive:{directory["a.tar"]}:app:1");

        await using var archive = File.OpenRead(directory["a.tar"]);
        var image = await new DockerArchiveReader(directory["spool"]).ReadAsync(archive, "app:1", None);

        image.Layers.Select(layer => layer.DiffId).ShouldBe(content.Layers.Select(layer => layer.Layer.DiffId));
        image.Layers.ShouldAllBe(layer => layer.Blob.Digest == layer.DiffId && layer.Blob.MediaType == MediaTypes.OciLayer);
        image.Config.Config.Labels!["greeting"].ShouldBe("""{"hello":"world"}""");
        (await ImageValidator.ValidateAsync(image, None)).ShouldBeEmpty();
        image.Pinned(new ImageLocation.Docker("app:1")).ToString().ShouldBe("docker:" + image.ConfigBlob!.Digest);
    }

    [Fact]
    public async Task WhatWeWrite_SkopeoReads_AndWeDo()
    {
        ExternalTool.Require("skopeo");
        using var directory = new TemporaryDirectory();
        var content = TestImages.Build(3);
        await WriteAsync(content, directory["a.tar"], directory.Path);

        await ExternalTool.RunAsync("skopeo", "--insecure-policy", "copy", "-q", $"docker-archive:{directory["a.tar"]}:registry.test/app:1", $"oci:{directory["out"]}:x");
        var copied = (await new LayoutImageStore().FindAsync(ImageLocation.Parse($"oci:{directory["out"]}:x"), TestImages.Amd64, None))!;
        await using var archive = File.OpenRead(directory["a.tar"]);
        var own = await new DockerArchiveReader(directory["spool"]).ReadAsync(archive, "app", None);

        copied.Layers.Select(layer => layer.DiffId).ShouldBe(content.Layers.Select(layer => layer.Layer.DiffId));
        own.ConfigBlob!.Digest.ShouldBe(content.ConfigDescriptor.Digest);
        own.Layers.Select(layer => layer.Blob.Digest).ShouldBe(content.Layers.Select(layer => layer.Layer.Blob.Digest));
        (await ImageValidator.ValidateAsync(own, None)).ShouldBeEmpty();
    }

    [Fact]
    public async Task WhatWeWrite_IsATarForGnuTar()
    {
        ExternalTool.Require("tar");
        using var directory = new TemporaryDirectory();
        var content = TestImages.Build(2);
        await WriteAsync(content, directory["a.tar"], directory.Path);

        var listed = await ExternalTool.RunAsync("tar", "-tf", directory["a.tar"]);

        listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(
            [.. content.Layers.Select(layer => layer.Layer.DiffId.Hex + ".tar"), content.ConfigDescriptor.Digest.Hex + ".json", "manifest.json"]);
    }

    [Fact]
    public async Task ArchiveWithLinksAndClimbingNames_StaysInsideItsDirectory()
    {
        using var directory = new TemporaryDirectory();
        var blobs = new MemoryBlobs();
        var layer = TestImages.AddLayer(blobs, "f", "x");
        var config = $$"""{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["{{layer.DiffId}}","{{layer.DiffId}}"] } }""";
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, TarEntryFormat.Gnu, leaveOpen: true))
        {
            Add(writer, "../../escape.tar", TestImages.Read(blobs, layer.Blob));
            await writer.WriteEntryAsync(new GnuTarEntry(TarEntryType.SymbolicLink, "b/layer.tar") { LinkName = "../../../escape.tar" }, None);
            Add(writer, "c.json", Encoding.UTF8.GetBytes(config));
            Add(writer, "manifest.json", """[{"Config":"c.json","Layers":["b/layer.tar","escape.tar"]}]"""u8.ToArray());
        }
        tar.Position = 0;

        var image = await new DockerArchiveReader(directory["deep/er/spool"]).ReadAsync(tar, "app", None);

        image.Layers.ShouldAllBe(read => read.Blob.Digest == layer.Blob.Digest && read.Blob.MediaType == MediaTypes.OciLayerGzip);
        Directory.GetFiles(directory.Path, "escape*", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("""[{"Config":"c.json","Layers":["missing.tar"]}]""", "lacks 'missing.tar'")]
    [InlineData("""[]""", "cannot be read")]
    [InlineData("""{"x":1}""", "cannot be read")]
    [InlineData("""nonsense""", "cannot be read")]
    public async Task BrokenArchive_IsRefusedWithTheReason(string index, string message)
    {
        using var directory = new TemporaryDirectory();
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, TarEntryFormat.Gnu, leaveOpen: true))
        {
            Add(writer, "c.json", "{}"u8.ToArray());
            Add(writer, "manifest.json", Encoding.UTF8.GetBytes(index));
        }
        tar.Position = 0;

        (await Should.ThrowAsync<ImageFormatException>(() => new DockerArchiveReader(directory["spool"]).ReadAsync(tar, "app", None))).Message.ShouldContain(message);
    }

    private static void Add(TarWriter writer, string name, byte[] content) =>
        writer.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });

    private static async Task WriteAsync(ImageContent content, string path, string spool)
    {
        await using var file = File.Create(path);
        await new DockerArchiveWriter(file, null).WriteAsync(content, "registry.test/app:1", spool, None);
    }
}
