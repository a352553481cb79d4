using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Packages;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Export;

/// <summary>
/// Adds what run extensions say of their packages to the app image's SBOM layer: <c>&lt;layers&gt;/sbom/launch/&lt;extension id&gt;/sbom.cdx.json</c>. Done when the image
/// is put together, for the run image is extended while the app is still being built.
/// </summary>
public static class ExtensionSbomLayer
{
    private const string LayerId = "buildpacksio/lifecycle:launch.sbom";
    private const string CreatedBy = "Software Bill-of-Materials";
    private const string FileName = "sbom.cdx.json";
    private const int DirectoryMode = 0x1ED; // 0755
    private const int FileMode = 0x1A4; // 0644

    /// <summary>The app with the merged layer; the same app when no extension changed a package.</summary>
    /// <param name="app">What the build packed.</param>
    /// <param name="packages">What run extensions did.</param>
    /// <param name="input">The layers directory, and the previous image, whose layer is taken when it is equal.</param>
    /// <param name="store">Gets the layer.</param>
    /// <param name="blobs">Has the layer the build packed, when the store has it not.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<PackedApp> MergeAsync(
        PackedApp app, IReadOnlyList<ExtensionPackages> packages, ExtensionSbomInput input, ContentStore store, IBlobSource blobs, CancellationToken cancellationToken)
    {
        if (packages.Count == 0)
            return app;
        var old = app.Layers.FirstOrDefault(layer => layer.Id == LayerId);
        if (old is not null)
            await store.EnsureAsync(old.Layer.Blob, blobs, cancellationToken);
        var merged = Merge(old?.Layer, packages, input, store);
        var previous = input.PreviousImage?.Layers.FirstOrDefault(layer => layer.DiffId == merged.DiffId);
        var packed = previous is null ? new PackedLayer(LayerId, CreatedBy, merged) : new PackedLayer(LayerId, CreatedBy, previous)
        {
            Reused = true, Origin = store.Contains(previous.Blob.Digest) ? null : input.PreviousImage!.Location,
        };
        var layers = app.Layers.ToList();
        // Where the build puts it: above the buildpacks' layers, below the app's first slice.
        var at = old is null ? layers.FindIndex(layer => layer.Id.StartsWith("slice-", StringComparison.Ordinal)) : layers.IndexOf(old);
        if (old is not null)
            layers[at] = packed;
        else
            layers.Insert(at < 0 ? layers.Count : at, packed);
        return app with { Layers = layers, Metadata = app.Metadata with { Sbom = new LayerSha(merged.DiffId.ToString()) } };
    }

    private static Layer Merge(Layer? old, IReadOnlyList<ExtensionPackages> packages, ExtensionSbomInput input, ContentStore store)
    {
        using var writer = LayerWriter.Create(store);
        var written = new HashSet<string>(StringComparer.Ordinal);
        if (old is not null)
        {
            using var blob = store.Open(old.Blob);
            using var tar = LayerReader.Decompress(blob, old.Blob.MediaType);
            var reader = new LayerReader(tar);
            while (reader.Next() is { } entry)
            {
                writer.Write(entry, entry.Type == LayerEntryType.File ? reader.Content : null);
                written.Add(entry.Path.Trim('/'));
            }
        }
        foreach (var extension in packages.OrderBy(p => p.EscapedId, StringComparer.Ordinal))
        {
            var directory = $"{input.LayersDirectory}/sbom/launch/{extension.EscapedId}";
            for (var slash = directory.IndexOf('/', 1); ; slash = directory.IndexOf('/', slash + 1))
            {
                WriteDirectory(slash < 0 ? directory : directory[..slash]);
                if (slash < 0)
                    break;
            }
            var path = $"{directory}/{FileName}";
            if (!written.Add(path.Trim('/')))
                continue;
            var content = ExtensionSbom.Write(extension);
            writer.Write(new LayerEntry(path, LayerEntryType.File) { Mode = FileMode, Owner = input.Owner, Size = content.Length }, new MemoryStream(content));
        }
        return writer.Complete();

        void WriteDirectory(string path)
        {
            if (written.Add(path.Trim('/')))
                writer.Write(new LayerEntry(path, LayerEntryType.Directory) { Mode = DirectoryMode, Owner = input.Owner });
        }
    }
}

/// <summary>Where the SBOM layer's files go, and whose they are.</summary>
/// <param name="LayersDirectory">The layers directory in the image.</param>
/// <param name="Owner">The builder's user.</param>
/// <param name="PreviousImage">The app's previous image.</param>
public sealed record ExtensionSbomInput(string LayersDirectory, Owner Owner, Analyze.PinnedImage? PreviousImage);
