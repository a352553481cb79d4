using Grid.Buildpacks.Metadata;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Tests.Images;

namespace Grid.Lifecycle.Tests.Rebase;

/// <summary>An app of two layers on a base of two, and other bases, written to a store.</summary>
internal sealed class RebaseSample(ImageStores images, Func<string, ImageLocation> locate)
{
    public const string Old = "base/run:1";
    public const string Mirror = "base/mirror:1";
    public const string Other = "base/other:1";
    public const string App = "app/web:1";

    public ImageStores Images => images;

    public ImageLocation At(string name) => locate(name);

    public async Task<Image> ReadAsync(string name) => await images.FindAsync(At(name), TestImages.Amd64, CancellationToken.None) ?? throw new FileNotFoundException(name);

    /// <summary>Writes a run image of one layer more than its number says.</summary>
    public async Task<Image> BaseAsync(string name, int layers = 2, Action<ImageBuilder>? change = null)
    {
        var content = TestImages.Build(layers, name, builder =>
        {
            builder.SetLabel("io.buildpacks.base.distro.name", "debian").SetLabel("io.buildpacks.base.distro.version", "12").SetLabel("io.buildpacks.stack.id", "stack");
            builder.SetLabel("of.the.base", name);
            change?.Invoke(builder);
        });
        await images.PushAsync(content, At(name), null, CancellationToken.None);
        return await ReadAsync(name);
    }

    /// <summary>Writes an app on <see cref="Old"/>.</summary>
    public async Task<Image> AppAsync(Action<ImageBuilder>? change = null, string api = "0.13", string? label = null)
    {
        var below = await BaseAsync(Old);
        var blobs = new MemoryBlobs();
        var builder = ImageBuilder.From(below, At(Old))
            .AddLayer(TestImages.AddLayer(blobs, "layers/a", "a"), blobs, history: new HistoryEntry { CreatedBy = "Layer: 'a'" })
            .AddLayer(TestImages.AddLayer(blobs, "workspace/b", "b"), blobs, history: new HistoryEntry { CreatedBy = "Application Layer" })
            .SetEnv("CNB_PLATFORM_API", api)
            .SetLabel(LifecycleMetadata.Label, label ?? Label(below.Layers[^1].DiffId, At(Old), At(Mirror)));
        builder.Config = builder.Config with { Author = "somebody", Variant = "v1", Config = builder.Config.Config with { User = "1001:1001", Entrypoint = ["/cnb/process/web"] } };
        change?.Invoke(builder);
        await images.PushAsync(builder.Build(), At(App), null, CancellationToken.None);
        return await ReadAsync(App);
    }

    /// <summary>The app's label, with a member the reference does not know.</summary>
    public static string Label(Digest topLayer, ImageLocation run, ImageLocation mirror) =>
        $$$$"""{"app":[{"sha":"sha256:1"}],"later":{"n":3.0},"runImage":{"topLayer":"{{{{topLayer}}}}","reference":"r","image":"{{{{run}}}}","mirrors":["{{{{mirror}}}}"]},"stack":{"runImage":{"image":"{{{{run}}}}"}}}""";
}
