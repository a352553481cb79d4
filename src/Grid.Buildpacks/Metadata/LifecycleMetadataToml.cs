using System.Text.Json;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Metadata;

/// <summary>The label <c>io.buildpacks.lifecycle.metadata</c> as the <c>[metadata]</c> of analyzed.toml, keys in the reference's order.</summary>
internal static class LifecycleMetadataToml
{
    public static TomlTable Write(LifecycleMetadata metadata)
    {
        var table = new TomlTable();
        if (metadata.App is { Count: > 0 } app)
            table.Set("app", new TomlArray(app.Select(Sha)));
        if (metadata.Sbom is { } sbom)
            table.Set("sbom", Sha(sbom));
        if (metadata.Buildpacks is { Count: > 0 } buildpacks)
            table.Set("buildpacks", new TomlArray(buildpacks.Select(Buildpack)));
        table.Set("config", Sha(metadata.Config)).Set("launcher", Sha(metadata.Launcher)).Set("process-types", Sha(metadata.ProcessTypes));
        var run = new TomlTable().Set("top-layer", metadata.RunImage.TopLayer).Set("reference", metadata.RunImage.Reference);
        table.Set("run-image", Names(run, metadata.RunImage.Image, metadata.RunImage.Mirrors));
        if (metadata.Stack is { } stack)
            table.Set("stack", new TomlTable().Set("run-image", Names(new TomlTable(), stack.RunImage.Image, stack.RunImage.Mirrors)));
        return table;
    }

    public static LifecycleMetadata Read(TomlTable table)
    {
        var run = table.GetTable("run-image");
        return new LifecycleMetadata
        {
            App = table.Contains("app") ? [.. table.GetTables("app").Select(ReadSha)] : null,
            Sbom = table.GetTable("sbom") is { } sbom ? ReadSha(sbom) : null,
            Buildpacks = table.Contains("buildpacks") ? [.. table.GetTables("buildpacks").Select(ReadBuildpack)] : null,
            Config = ReadSha(table.GetTable("config")),
            Launcher = ReadSha(table.GetTable("launcher")),
            ProcessTypes = ReadSha(table.GetTable("process-types")),
            RunImage = new RunImageMetadata
            {
                TopLayer = run?.GetString("top-layer") ?? "",
                Reference = run?.GetString("reference") ?? "",
                Image = run?.GetString("image"),
                Mirrors = run?.Contains("mirrors") == true ? run.GetStrings("mirrors") : null,
            },
            Stack = table.GetTable("stack")?.GetTable("run-image") is { } names
                ? new StackMetadata(new RunImageNames { Image = names.GetString("image") ?? "", Mirrors = names.Contains("mirrors") ? names.GetStrings("mirrors") : null }) : null,
        };
    }

    private static TomlTable Sha(LayerSha layer) => new TomlTable().Set("sha", layer.Sha);

    private static LayerSha ReadSha(TomlTable? table) => table?.GetString("sha") is { Length: > 0 } sha ? new LayerSha(sha) : LayerSha.None;

    private static TomlTable Names(TomlTable table, string? image, IReadOnlyList<string>? mirrors)
    {
        if (!string.IsNullOrEmpty(image))
            table.Set("image", image);
        return mirrors is { Count: > 0 } ? table.Set("mirrors", new TomlArray(mirrors.Select(m => (TomlValue)m))) : table;
    }

    private static TomlTable Buildpack(BuildpackLayersMetadata buildpack)
    {
        var table = new TomlTable().Set("key", buildpack.Id).Set("version", buildpack.Version);
        if (buildpack.Layers is { } layers)
        {
            var written = new TomlTable();
            foreach (var (name, layer) in layers)
                written.Set(name, Layer(layer));
            table.Set("layers", written);
        }
        if (buildpack.Store is { } store)
            table.Set("store", store.Metadata is { } data ? new TomlTable().Set("metadata", TomlJson.ToToml(data)) : new TomlTable());
        return table;
    }

    private static TomlTable Layer(LayerMetadata layer)
    {
        var table = new TomlTable().Set("sha", layer.Sha).Set("build", layer.Build).Set("launch", layer.Launch).Set("cache", layer.Cache);
        return layer.Data is { ValueKind: JsonValueKind.Object } data ? table.Set("metadata", TomlJson.ToToml(data)) : table;
    }

    private static BuildpackLayersMetadata ReadBuildpack(TomlTable table) => new()
    {
        Id = table.GetString("key") ?? "",
        Version = table.GetString("version") ?? "",
        Layers = table.GetTable("layers") is { } layers
            ? new SortedDictionary<string, LayerMetadata>(
                layers.Entries.ToDictionary(e => e.Key, e => ReadLayer(layers.GetTable(e.Key)!)), StringComparer.Ordinal) : null,
        Store = table.GetTable("store") is { } store ? new StoreMetadata(Json(store)) : null,
    };

    private static LayerMetadata ReadLayer(TomlTable table) => new()
    {
        Sha = table.GetString("sha") ?? "",
        Data = Json(table),
        Build = table.GetBoolean("build"),
        Launch = table.GetBoolean("launch"),
        Cache = table.GetBoolean("cache"),
    };

    private static JsonElement? Json(TomlTable table) => table.GetTable("metadata") is { } metadata ? TomlJson.ToJson(metadata) : null;
}
