using Grid.Oci.Content;
using Grid.Oci.Layers;
using Grid.Oci.Tests.FileSystem;

namespace Grid.Oci.Tests.Layers;

/// <summary>
/// Layers written by Go programs, named by the digest of their tar: those of a run of the reference lifecycle (0.21.14), and one of long names, bytes
/// that are no UTF-8, links and attributes by umoci 0.4.7 (whose tar lacks its end; it was added).
/// </summary>
public sealed class GoldenLayerTests
{
    public static TheoryData<string> Recorded =>
        [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Layers", "Golden")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Recorded))]
    public void Write_EntriesOfTheReference_GivesItsDiffId(string file)
    {
        using var scratch = new ScratchDirectory();
        using var blob = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Layers", "Golden", file));
        using var tar = LayerReader.Decompress(blob, "application/vnd.docker.image.rootfs.diff.tar.gzip");
        var reader = new LayerReader(tar);
        using var writer = LayerWriter.Create(new ContentStore(scratch.Path));
        while (reader.Next() is { } entry)
            writer.Write(entry, reader.Content);

        writer.Complete().DiffId.Hex.ShouldBe(file[..64]);
    }

    [Fact]
    public void Read_LayerOfAnExtension_GivesWhatGnuTarLists()
    {
        // Not to be written again: it carries the times of the recording as PAX atime and ctime, which no layer of ours has.
        using var blob = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Layers", "GoldenExtension", "whiteout-and-links.tar.gz"));
        using var tar = LayerReader.Decompress(blob, "application/vnd.docker.image.rootfs.diff.tar.gzip");

        LayerTestData.Read(tar).Select(e => $"{Convert.ToString(e.Entry.Mode, 8)} {e.Entry.Owner.UserId}/{e.Entry.Owner.GroupId} {e.Entry.Size} {e.Entry.Path} {e.Entry.LinkTarget}".TrimEnd())
            .ShouldBe([
                "755 0/0 0 etc/", "0 0/0 0 etc/.wh.issue.net", "755 0/0 0 opt/", "755 0/0 0 opt/ext/", "644 0/0 53 opt/ext/args",
                "644 0/0 6 opt/ext/built", "755 5/6 0 opt/ext/d/", "777 0/0 0 opt/ext/l built",
            ]);
    }
}
