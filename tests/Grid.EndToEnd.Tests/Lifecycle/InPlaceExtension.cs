using System.IO.Compression;
using System.Text.Json;
using Grid.EndToEnd.Tests.Extend;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;

namespace Grid.EndToEnd.Tests.Lifecycle;

/// <summary>One run.Dockerfile for <c>grid lifecycle extender</c> in containers of the image it extends.</summary>
internal sealed class InPlaceExtension
{
    private readonly PhaseContainer _container;
    private int _run;

    private InPlaceExtension(PhaseContainer container, int baseLayers) => (_container, BaseLayers) = (container, baseLayers);

    /// <summary>How many layers the base has.</summary>
    public int BaseLayers { get; }

    /// <summary>Lays out what the detector and the restorer leave: group, analyzed image, and the base in <c>/kaniko</c>.</summary>
    public static async Task<InPlaceExtension> NewAsync(TestMachine machine)
    {
        TestMachine.Require();
        var images = await machine.ImagesAsync();
        var container = new PhaseContainer(images.Root, Directory.CreateDirectory(Path.Combine(machine.Scratch, "in-place-" + Guid.NewGuid().ToString("N")[..12])).FullName, withBuilder: false);
        var layout = (ImageLocation.Layout)ImageLocation.Parse(images.Run);
        var image = (await new LayoutImageStore().FindAsync(layout, new Platform("linux", (await Tool.RunAsync("dpkg", "--print-architecture")).Trim()), default))!;
        await KeepBaseAsync(image, container);
        container.Write("layers/analyzed.toml", $"[run-image]\nreference = \"base.example/run@{image.Manifest.Digest}\"\nextend = true\n")
            .Write("layers/group.toml", "[[group-extensions]]\nid = \"test/one\"\nversion = \"1\"\napi = \"0.10\"\n");
        return new InPlaceExtension(container, image.Layers.Count);
    }

    /// <summary>Writes a file of the context.</summary>
    public InPlaceExtension With(string path, string content)
    {
        _container.Write("layers/generated/test_one/context/" + path, content);
        return this;
    }

    /// <summary>Applies instructions as root's, in a new container; the image ends as the CNB user.</summary>
    public Task<ToolResult> RunAsync(string instructions)
    {
        _container.Write("layers/generated/test_one/run.Dockerfile", $"ARG base_image\nFROM ${{base_image}}\nUSER root\n{instructions}\nUSER 1001:1001\n");
        if (Directory.Exists(_container.At("layers/extended")))
            Directory.Delete(_container.At("layers/extended"), recursive: true);
        return _container.RunAsync("extender", 0, $"run-{++_run}", "-kind", "run", "-uid", "1001", "-gid", "1001");
    }

    /// <summary>The members of each layer the last run added, bottom first.</summary>
    public IReadOnlyList<string> Layers()
    {
        var extended = Directory.GetDirectories(_container.At("layers/extended/run")).Single();
        var manifest = Blob(extended, JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(extended + "/index.json")).GetProperty("manifests")[0]);
        return [.. manifest.GetProperty("layers").EnumerateArray().Skip(BaseLayers).Select(layer => LayerMember.Describe(LayerMember.Read(Tar(extended, layer))))];
    }

    /// <summary>Keeps a base image as the restorer does: manifest and configuration alone.</summary>
    public static async Task KeepBaseAsync(Image image, PhaseContainer container)
    {
        var content = await ImageContent.CopyAsync(image, origin: null, default);
        await new LayoutImageStore().PushAsync(
            content with { Layers = [] }, new ImageLocation.Layout(container.At($"kaniko/cache/base/{image.Manifest.Digest}"), null), null, default);
    }

    /// <summary>A JSON document of a layout.</summary>
    public static JsonElement Blob(string layout, JsonElement descriptor) => JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(PathOf(layout, descriptor)));

    /// <summary>A layer of a layout, decompressed.</summary>
    public static byte[] Tar(string layout, JsonElement descriptor)
    {
        using var gzip = new GZipStream(File.OpenRead(PathOf(layout, descriptor)), CompressionMode.Decompress);
        using var tar = new MemoryStream();
        gzip.CopyTo(tar);
        return tar.ToArray();
    }

    private static string PathOf(string layout, JsonElement descriptor) => $"{layout}/blobs/sha256/{descriptor.GetProperty("digest").GetString()!["sha256:".Length..]}";
}
