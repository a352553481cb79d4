using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Toml;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Builders;

/// <summary>Checks that whatever an order names is in the builder, and gives every element its version.</summary>
internal sealed class BuilderOrder
{
    private readonly ILookup<(ModuleKind Kind, string Id), PackagedModule> _modules;

    private BuilderOrder(IEnumerable<PackagedModule> modules) => _modules = modules.ToLookup(module => (module.Kind, module.Id));

    /// <summary>The file with a version in each element of its orders.</summary>
    /// <exception cref="BuilderException">Something is not there, has no single version, or cannot run on the platform.</exception>
    public static BuilderConfig Resolve(BuilderConfig config, IReadOnlyCollection<PackagedModule> modules, Platform platform)
    {
        var order = new BuilderOrder(modules);
        var resolved = config with
        {
            Order = order.Resolve(ModuleKind.Buildpack, config.Order),
            OrderExtensions = order.Resolve(ModuleKind.Extension, config.OrderExtensions),
            SystemPre = order.Resolve(ModuleKind.Buildpack, config.SystemPre),
            SystemPost = order.Resolve(ModuleKind.Buildpack, config.SystemPost),
        };
        foreach (var module in modules)
            order.CheckComposite(module);
        order.CheckTargets(resolved, platform);
        return resolved;
    }

    private List<BuilderGroup> Resolve(ModuleKind kind, IReadOnlyList<BuilderGroup> groups) =>
        [.. groups.Select(group => new BuilderGroup(Resolve(kind, group.Elements)))];

    private List<BuilderGroupElement> Resolve(ModuleKind kind, IReadOnlyList<BuilderGroupElement> elements) =>
        [.. elements.Select(element => element with { Version = Find(kind, element).Version })];

    private PackagedModule Find(ModuleKind kind, BuilderGroupElement element)
    {
        var section = kind == ModuleKind.Buildpack ? "[[buildpacks]]" : "[[extensions]]";
        var candidates = _modules[(kind, element.Id)].ToList();
        if (candidates.Count == 0)
            throw BuilderException.At(element.Position, $"'{element.Id}' is not in the builder; add it to {section}");
        var versions = string.Join(", ", candidates.Select(candidate => candidate.Version));
        if (element.Version is null)
        {
            return candidates.Count == 1
                ? candidates[0]
                : throw BuilderException.At(element.Position, $"'{element.Id}' is in the builder more than once ({versions}); say which version");
        }
        return candidates.Find(candidate => candidate.Version == element.Version)
            ?? throw BuilderException.At(element.Position, $"'{element.Id}' is not in the builder in version {element.Version}; it has {versions}");
    }

    /// <summary>A composite buildpack without its parts would only fail when somebody builds.</summary>
    private void CheckComposite(PackagedModule module)
    {
        foreach (var element in Elements(module))
        {
            var (id, version) = ((string)element["id"]!, (string?)element["version"]);
            if (!_modules[(ModuleKind.Buildpack, id)].Any(candidate => version is null || candidate.Version == version))
                throw new BuilderException($"{module.FullName} is a composite buildpack that needs {id}@{version}, which is not in the builder; add it to [[buildpacks]]");
        }
    }

    private static IEnumerable<JsonObject> Elements(PackagedModule module) =>
        (module.Info["order"] as JsonArray ?? []).SelectMany(group => group?["group"] as JsonArray ?? []).OfType<JsonObject>();

    private void CheckTargets(BuilderConfig config, Platform platform)
    {
        if (config.Targets.Count > 0 && !config.Targets.Any(target => Fits(target.Os, target.Architecture, platform)))
            throw BuilderException.At(config.Targets[0].Position, $"the builder is not for {platform.Os}/{platform.Architecture}; add a target");
        foreach (var (kind, element) in AllElements(config))
        {
            var module = Find(kind, element);
            var targets = module.Info["targets"] as JsonArray ?? [];
            if (targets.Count > 0 && !element.Optional && !targets.Any(target => Fits((string?)target?["os"], (string?)target?["arch"], platform)))
                throw BuilderException.At(element.Position, $"{module.FullName} is not for {platform.Os}/{platform.Architecture}: its targets are {targets.ToJsonString()}");
        }
    }

    private static IEnumerable<(ModuleKind Kind, BuilderGroupElement Element)> AllElements(BuilderConfig config) =>
    [
        .. config.Order.SelectMany(group => group.Elements).Concat(config.SystemPre).Concat(config.SystemPost).Select(element => (ModuleKind.Buildpack, element)),
        .. config.OrderExtensions.SelectMany(group => group.Elements).Select(element => (ModuleKind.Extension, element)),
    ];

    private static bool Fits(string? os, string? architecture, Platform platform) =>
        (string.IsNullOrEmpty(os) || os == "*" || os == platform.Os)
        && (string.IsNullOrEmpty(architecture) || architecture == "*" || architecture == platform.Architecture);
}
