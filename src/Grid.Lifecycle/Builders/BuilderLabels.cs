using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Toml;

namespace Grid.Lifecycle.Builders;

/// <summary>The labels of a builder image, as pack writes them.</summary>
internal static class BuilderLabels
{
    public const string Metadata = "io.buildpacks.builder.metadata";
    public const string Order = "io.buildpacks.buildpack.order";
    public const string OrderExtensions = "io.buildpacks.buildpack.order-extensions";
    public const string System = "io.buildpacks.buildpack.system";
    public const string StackId = "io.buildpacks.stack.id";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Layers(ModuleKind kind) =>
        kind == ModuleKind.Buildpack ? "io.buildpacks.buildpack.layers" : "io.buildpacks.extension.layers";

    /// <summary>All labels by name.</summary>
    /// <param name="config">With versions in its orders and full names of its run images.</param>
    /// <param name="modules">All modules of the image.</param>
    /// <param name="lifecycle">The descriptor (lifecycle.toml) of the lifecycle in the image; null when there is none.</param>
    public static IEnumerable<KeyValuePair<string, string>> For(BuilderConfig config, IReadOnlyCollection<PackagedModule> modules, TomlTable? lifecycle)
    {
        yield return new(Metadata, Text(MetadataOf(config, modules, lifecycle)));
        yield return new(Layers(ModuleKind.Buildpack), Text(LayersOf(modules, ModuleKind.Buildpack)));
        yield return new(Layers(ModuleKind.Extension), Text(LayersOf(modules, ModuleKind.Extension)));
        yield return new(Order, Text(Groups(config.Order)));
        yield return new(OrderExtensions, Text(Groups(config.OrderExtensions)));
        if (config.SystemPre.Count + config.SystemPost.Count > 0)
            yield return new(System, Text(SystemOf(config)));
        if (config.StackId is { Length: > 0 } stack)
            yield return new(StackId, stack);
    }

    private static JsonObject MetadataOf(BuilderConfig config, IReadOnlyCollection<PackagedModule> modules, TomlTable? lifecycle)
    {
        var version = typeof(BuilderLabels).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
        return new JsonObject
        {
            ["description"] = config.Description,
            ["buildpacks"] = Names(modules, ModuleKind.Buildpack),
            ["extensions"] = Names(modules, ModuleKind.Extension),
            ["stack"] = new JsonObject { ["runImage"] = RunImage(config.RunImages[0]) },
            ["lifecycle"] = LifecycleOf(lifecycle, version),
            ["createdBy"] = new JsonObject { ["name"] = "Grid", ["version"] = version },
            ["images"] = new JsonArray([.. config.RunImages.Select(RunImage)]),
        };
    }

    private static JsonArray Names(IReadOnlyCollection<PackagedModule> modules, ModuleKind kind) =>
        new([.. modules.Where(module => module.Kind == kind).Select(module =>
        {
            var name = new JsonObject { ["id"] = module.Id, ["version"] = module.Version };
            foreach (var key in (string[])["homepage", "name"])
            {
                if ((string?)module.Info[key] is { Length: > 0 } text)
                    name[key] = text;
            }
            return name;
        })]);

    private static JsonNode RunImage(BuilderRunImage image) =>
        new JsonObject { ["image"] = image.Image, ["mirrors"] = new JsonArray([.. image.Mirrors.Select(mirror => (JsonNode)mirror)]) };

    private static JsonObject LifecycleOf(TomlTable? descriptor, string ownVersion)
    {
        var apis = descriptor?.GetTable("apis");
        return new JsonObject
        {
            ["version"] = descriptor?.GetTable("lifecycle")?.GetString("version") ?? ownVersion,
            ["apis"] = new JsonObject
            {
                ["buildpack"] = Apis(apis?.GetTable("buildpack"), BuilderApis.Buildpack),
                ["platform"] = Apis(apis?.GetTable("platform"), BuilderApis.Platform),
            },
        };
    }

    private static JsonObject Apis(TomlTable? table, IReadOnlyList<string> own) => new()
    {
        ["deprecated"] = Strings(table?.GetStrings("deprecated") ?? []),
        ["supported"] = Strings(table?.GetStrings("supported") ?? own),
    };

    private static JsonArray Strings(IEnumerable<string> strings) => new([.. strings.Select(text => (JsonNode)text)]);

    private static JsonObject LayersOf(IReadOnlyCollection<PackagedModule> modules, ModuleKind kind)
    {
        var ids = new JsonObject();
        foreach (var module in modules.Where(module => module.Kind == kind))
        {
            if (ids[module.Id] is not JsonObject versions)
                ids[module.Id] = versions = [];
            versions[module.Version] = module.Info.DeepClone();
        }
        return ids;
    }

    private static JsonArray Groups(IReadOnlyList<BuilderGroup> groups) =>
        new([.. groups.Select(group => new JsonObject { ["group"] = Elements(group.Elements) })]);

    private static JsonArray Elements(IReadOnlyList<BuilderGroupElement> elements) => new([.. elements.Select(element =>
    {
        var json = new JsonObject { ["id"] = element.Id, ["version"] = element.Version };
        if (element.Optional)
            json["optional"] = true;
        return json;
    })]);

    private static JsonObject SystemOf(BuilderConfig config) => new()
    {
        ["pre"] = new JsonObject { ["buildpacks"] = Elements(config.SystemPre) },
        ["post"] = new JsonObject { ["buildpacks"] = Elements(config.SystemPost) },
    };

    private static string Text(JsonNode node) => node.ToJsonString(Json);
}
