using Grid.Buildpacks.Builders;
using Grid.Lifecycle.Builders;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Grid.Lifecycle.Tests.Builders;

/// <summary>A directory with modules beside a builder.toml, and a layout "base" with a build and a run image.</summary>
internal sealed class BuilderWorkspace : IDisposable
{
    private static readonly Platform Amd64 = new("linux", "amd64");

    private readonly ContentStore _store;
    private readonly ImageStores _images = new([new LayoutImageStore()]);

    public BuilderWorkspace()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("grid-builder-").FullName;
        _store = new ContentStore(Path.Combine(Directory, "store"));
        var layer = Layer();
        PushAsync(Base(layer).SetEnv("CNB_USER_ID", "1001").SetEnv("CNB_GROUP_ID", "1002").SetLabel("kept", "from the base").Build(), "build").Wait();
        PushAsync(Base(layer).Build(), "run").Wait();
    }

    public string Directory { get; }

    public static string Config(string toml, string build = "oci:base:build")
    {
        // The part under test stands first, so that its line numbers are what the tests say; [build] may be opened by [[build.env]] already.
        var images = $"\n[[run.images]]\nimage = \"oci:base:run\"\n[build]\nimage = \"{build}\"\n";
        return toml + images;
    }

    public BuilderWorkspace Write(string path, string content)
    {
        var file = Path.Combine(Directory, path);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return this;
    }

    public BuilderWorkspace Buildpack(string directory, string id, string version, string api = "0.10", string name = "A")
    {
        Write(directory + "/buildpack.toml",
            $"api = \"{api}\"\n[buildpack]\nid = \"{id}\"\nversion = \"{version}\"\nname = \"{name}\"\nhomepage = \"https://a.test\"\n");
        return Executable(directory + "/bin/build");
    }

    public BuilderWorkspace Extension(string directory, string id, string version)
    {
        Write(directory + "/extension.toml", $"api = \"0.10\"\n[extension]\nid = \"{id}\"\nversion = \"{version}\"\n");
        return Executable(directory + "/bin/generate");
    }

    public Task<ImageContent> CreateAsync(string toml) => BuilderCreator.CreateAsync(
        _images, _store, BuilderConfig.Parse(toml, "builder.toml"), Directory, Amd64, TestContext.Current.CancellationToken);

    public Task PushAsync(ImageContent image, string? tag, string layout = "base") =>
        _images.PushAsync(image, new ImageLocation.Layout(Path.Combine(Directory, layout), tag), null, TestContext.Current.CancellationToken);

    public List<LayerEntry> Entries(LayerSource source)
    {
        var entries = new List<LayerEntry>();
        Read(source, (entry, _) => entries.Add(entry));
        return entries;
    }

    public string Text(LayerSource source, string path)
    {
        var text = "";
        Read(source, (entry, content) =>
        {
            if (entry.Path == path)
                text = new StreamReader(content).ReadToEnd();
        });
        return text;
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);

    private static void Read(LayerSource source, Action<LayerEntry, Stream> action)
    {
        using var blob = source.Blobs.OpenAsync(source.Layer.Blob, CancellationToken.None).Result;
        using var tar = LayerReader.Decompress(blob, source.Layer.Blob.MediaType);
        var reader = new LayerReader(tar);
        while (reader.Next() is { } entry)
            action(entry, reader.Content);
    }

    private BuilderWorkspace Executable(string path)
    {
        Write(path, "#!/bin/sh\n");
        File.SetUnixFileMode(Path.Combine(Directory, path), (UnixFileMode)0x1ED);
        return this;
    }

    private ImageBuilder Base(Layer layer) => ImageBuilder.FromScratch(Amd64).AddLayer(layer, _store);

    private Layer Layer()
    {
        using var writer = LayerWriter.Create(_store);
        writer.Write(new LayerEntry("etc", LayerEntryType.Directory) { Mode = 0x1ED });
        return writer.Complete();
    }
}
