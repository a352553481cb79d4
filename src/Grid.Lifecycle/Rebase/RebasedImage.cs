using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Rebase;

/// <summary>Puts an app's upper layers on another base, without reading one byte of a layer (platform.md §rebaser, Outputs).</summary>
internal static class RebasedImage
{
    /// <summary>The new image. Only run image, labels about the base, and what a configuration says of its system change.</summary>
    /// <param name="app">The app image and where it is.</param>
    /// <param name="newBase">The new base and where it is.</param>
    /// <param name="topLayer">Diff ID of the old base's top layer, from the app's label.</param>
    /// <param name="input">For the API's differences and the time of creation.</param>
    /// <exception cref="LifecycleException">Exit code 72: the app has no such layer.</exception>
    public static ImageBuilder Start((Image Image, ImageLocation Location) app, (Image Image, ImageLocation Location) newBase, string topLayer, RebaseInput input)
    {
        var seam = app.Image.Layers.Select(layer => layer.DiffId.ToString()).ToList().IndexOf(topLayer);
        if (seam < 0)
        {
            throw new LifecycleException(ExitCode.RebaseError,
                $"rebase app image: it has no layer '{topLayer}', which its label {LifecycleMetadata.Label} calls the top layer of its run image; build it again");
        }
        var created = input.Created ?? LayerTimes.Normalized;
        // The app's family of media types, whatever the base's is: what could pull the app yesterday can pull it today.
        var bottom = WithPlainHistory(newBase.Image, created) with { Manifest = newBase.Image.Manifest with { MediaType = app.Image.Manifest.MediaType } };
        var builder = ImageBuilder.From(bottom, newBase.Location).AddLayers(WithPlainHistory(app.Image, created), seam + 1, app.Location);
        var system = newBase.Image.Config;
        builder.Config = new ImageConfig
        {
            Created = created,
            Os = system.Os,
            Architecture = system.Architecture,
            OsVersion = system.OsVersion,
            Variant = string.IsNullOrEmpty(system.Variant) && system.Architecture == app.Image.Config.Architecture ? app.Image.Config.Variant : system.Variant,
            Config = app.Image.Config.Config,
        };
        ReplaceBaseLabels(builder, newBase.Image, input);
        return builder;
    }

    /// <summary>The app's label with another run image. Whatever else stands in it stays as it is written.</summary>
    /// <param name="label">The text of the label.</param>
    /// <param name="topLayer">Diff ID of the new base's top layer.</param>
    /// <param name="reference">The new base by digest.</param>
    /// <param name="newName">The name that replaces the known names; null keeps them.</param>
    public static string ChangeLabel(string label, string topLayer, string reference, string? newName)
    {
        var document = JsonNode.Parse(label)!.AsObject();
        var run = document["runImage"] as JsonObject ?? [];
        document["runImage"] = run;
        run["topLayer"] = topLayer;
        run["reference"] = reference;
        if (newName is not null)
        {
            run["image"] = newName;
            run.Remove("mirrors");
            document["stack"] = new JsonObject { ["runImage"] = new JsonObject { ["image"] = newName } };
        }
        return LabelJson.Write(document);
    }

    private static void ReplaceBaseLabels(ImageBuilder builder, Image newBase, RebaseInput input)
    {
        string[] prefixes = input.PlatformApi.IsBelow("0.12") ? ["io.buildpacks.stack."] : ["io.buildpacks.stack.", "io.buildpacks.base."];
        foreach (var name in (builder.Config.Config.Labels?.Keys ?? []).Where(IsOfBase).ToList())
            builder.SetLabel(name, null);
        foreach (var (name, value) in (newBase.Config.Config.Labels ?? new Dictionary<string, string>()).Where(label => IsOfBase(label.Key)))
            builder.SetLabel(name, value);

        bool IsOfBase(string name) => prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
    }

    // As the reference: a rebased image has an entry for each layer and no entry says more than its time.
    private static Image WithPlainHistory(Image image, DateTimeOffset created) =>
        image with { Config = image.Config with { History = [.. image.Layers.Select(_ => new HistoryEntry { Created = created })] } };
}
