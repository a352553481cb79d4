using System.Formats.Tar;
using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Toml;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Builders;

/// <summary>Fetches what the URIs of a builder.toml name and makes a layer of each module.</summary>
internal sealed class ModuleLoader(IImageStore images, ContentStore store, BuilderLocations locations, Platform platform)
{
    /// <summary>The modules at one entry of the file: one for a directory or an archive, any number for an image.</summary>
    public async Task<IReadOnlyList<PackagedModule>> LoadAsync(ModuleKind kind, BuilderModule module, CancellationToken cancellationToken)
    {
        try
        {
            if (locations.ImageOf(module) is { } location)
                return await FromImageAsync(kind, module, location, inStore: false, cancellationToken);
            var path = locations.PathOf(module);
            return path.EndsWith(".cnb", StringComparison.Ordinal)
                ? await FromPackageFileAsync(kind, module, path, cancellationToken)
                : [FromFiles(kind, module, ModuleFiles.Open(path), cancellationToken)];
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or TomlFormatException or JsonException or NotSupportedException)
        {
            throw BuilderException.At(module.Position, $"cannot use {module.Uri}: {e.Message}", e);
        }
    }

    private PackagedModule FromFiles(ModuleKind kind, BuilderModule module, ModuleFiles files, CancellationToken cancellationToken)
    {
        var description = ModuleDescription.Read(files, kind);
        Check(module, description.Id, description.Version);
        using var writer = LayerWriter.Create(store);
        files.Append(writer, "", PackagedModule.DirectoryOf(kind, description.Id) + "/" + description.Version, cancellationToken);
        var layer = writer.Complete();
        description.Info["layerDiffID"] = layer.DiffId.ToString();
        return new PackagedModule(kind, description.Id, description.Version, description.Info, new LayerSource(layer, store, null));
    }

    /// <summary>A .cnb file is an OCI layout in a tar; its layers are taken into the store, so that the unpacked files need not stay.</summary>
    private async Task<IReadOnlyList<PackagedModule>> FromPackageFileAsync(
        ModuleKind kind, BuilderModule module, string file, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("grid-cnb-");
        try
        {
            await TarFile.ExtractToDirectoryAsync(file, directory.FullName, overwriteFiles: false, cancellationToken);
            return await FromImageAsync(kind, module, new ImageLocation.Layout(directory.FullName, null), inStore: true, cancellationToken);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private async Task<IReadOnlyList<PackagedModule>> FromImageAsync(
        ModuleKind kind, BuilderModule module, ImageLocation location, bool inStore, CancellationToken cancellationToken)
    {
        var image = await images.FindAsync(location, platform, cancellationToken) ?? throw new FileNotFoundException($"there is no image {location}");
        var labels = image.Config.Config.Labels ?? new Dictionary<string, string>();
        var name = kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        if (!labels.TryGetValue(BuilderLabels.Layers(kind), out var layers))
            throw new FormatException($"the image has no label {BuilderLabels.Layers(kind)}: it is not a package of a {name}");
        if (labels.TryGetValue(kind == ModuleKind.Buildpack ? "io.buildpacks.buildpackage.metadata" : "io.buildpacks.extension.metadata", out var metadata)
            && JsonNode.Parse(metadata) is JsonObject main)
        {
            Check(module, (string?)main["id"] ?? "", (string?)main["version"] ?? "");
        }
        if (inStore)
        {
            foreach (var layer in image.Layers)
                await store.EnsureAsync(layer.Blob, image.Blobs, cancellationToken);
        }
        IBlobSource blobs = inStore ? store : image.Blobs;
        var modules = PackagedModule.FromLabel(kind, layers, diffId => image.Layers.FirstOrDefault(layer => layer.DiffId == diffId) is { } layer
            ? new LayerSource(layer, blobs, inStore ? null : location)
            : throw new FormatException($"the image has no layer {diffId}, which its labels name"));
        return [.. modules];
    }

    private static void Check(BuilderModule module, string id, string version)
    {
        if (module.Id is { Length: > 0 } wantedId && wantedId != id)
            throw BuilderException.At(module.Position, $"{module.Uri} is {id}, not {wantedId}; correct the id or remove it");
        if (module.Version is { Length: > 0 } wantedVersion && wantedVersion != version)
            throw BuilderException.At(module.Position, $"{module.Uri} is version {version} of {id}, not {wantedVersion}; correct the version or remove it");
    }
}
