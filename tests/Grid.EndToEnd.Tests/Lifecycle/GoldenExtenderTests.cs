using System.Text.Json;
using Grid.EndToEnd.Tests.Extend;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;

namespace Grid.EndToEnd.Tests.Lifecycle;

/// <summary>The recorded extensions of run images by <c>grid lifecycle extender</c> in a container of the image: the same layers as by <c>grid extend</c> in sandboxes.</summary>
public sealed class GoldenExtenderTests(DebianBase debian)
{
    /// <summary>Where comparing a file system before and after tells the same in other words than an overlay's upper directory.</summary>
    private static readonly Dictionary<string, (string Recorded, string Ours)> InOtherWords = new()
    {
        // A directory that replaced another: as the reference, each old child is deleted.
        ["051-replace-dir"] = ("usr/share/doc/sed/.wh..wh..opq file   \n", "usr/share/doc/sed/.wh.copyright file   \nusr/share/doc/sed/.wh.examples file   \n"),
    };

    private static readonly Lock Making = new();

    public static TheoryData<string> Cases => [.. GoldenExtendCase.Names.Where(name => new GoldenExtendCase(name).Kind == "run")];

    [Theory, MemberData(nameof(Cases))]
    public async Task Extender_InPlace_MakesTheLayersThatWereRecorded(string name)
    {
        var layout = (ImageLocation.Layout)ImageLocation.Parse(await debian.ImageAsync());
        var golden = new GoldenExtendCase(name);
        var difference = GoldenExtendTests.Differences.GetValueOrDefault(name) ?? new GoldenExtendTests.Difference("");
        var container = new PhaseContainer(Root(layout), Directory.CreateDirectory(Path.Combine(debian.Scratch, "extender-" + name)).FullName, withBuilder: false);
        await golden.LayOutAsync(container.At("layers"));
        var image = (await new LayoutImageStore().FindAsync(layout, new Platform("linux", (await Tool.RunAsync("dpkg", "--print-architecture")).Trim()), default))!;
        await InPlaceExtension.KeepBaseAsync(image, container);
        container.Write("layers/analyzed.toml", $"[run-image]\nreference = \"base.example/run@{image.Manifest.Digest}\"\nextend = true\n");

        var result = await container.RunAsync("extender", 0, "run", "-kind", "run", "-uid", "1001", "-gid", "1001");

        result.ExitCode.ShouldBe(difference.ExitCode ?? golden.ReferenceExitCode, result.ToString());
        if (result.ExitCode != 0)
            return;
        var extended = Directory.GetDirectories(container.At("layers/extended/run")).Single();
        var manifest = InPlaceExtension.Blob(extended, JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(extended + "/index.json")).GetProperty("manifests")[0]);
        var layers = manifest.GetProperty("layers").EnumerateArray().Skip(image.Layers.Count).Select(layer => LayerMember.Read(InPlaceExtension.Tar(extended, layer))).ToList();
        var expected = difference.Apply(GoldenExtendTests.Text(golden.Layers()));
        if (InOtherWords.TryGetValue(name, out var words))
            expected = expected.Replace(words.Recorded, words.Ours, StringComparison.Ordinal);
        GoldenExtendTests.DigestText().Replace(GoldenExtendTests.Text(layers), "base@DIGEST").ShouldBe(expected, $"{name}: {difference.Reason}");
        Directory.GetFiles(extended + "/blobs/sha256").Length.ShouldBe(layers.Select(LayerMember.Describe).Distinct().Count() + 2, "manifest, configuration, and the new layers only");
    }

    /// <summary>The image's files, unpacked once.</summary>
    private string Root(ImageLocation.Layout layout)
    {
        var bundle = Path.Combine(debian.Scratch, "rootfs");
        lock (Making)
        {
            if (!Directory.Exists(bundle))
                System.Diagnostics.Process.Start("umoci", ["unpack", "--image", $"{layout.Directory}:{layout.Tag}", bundle]).WaitForExit();
        }
        return bundle + "/rootfs";
    }
}
