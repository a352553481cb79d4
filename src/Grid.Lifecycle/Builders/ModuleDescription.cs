using System.Buffers;
using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;

namespace Grid.Lifecycle.Builders;

/// <summary>What a module's descriptor says that a builder needs: its name, and what the layers label repeats.</summary>
internal sealed record ModuleDescription(string Id, string Version, JsonObject Info)
{
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/");

    /// <summary>Reads buildpack.toml or extension.toml.</summary>
    /// <exception cref="TomlFormatException">It is malformed, or of an API that is not supported.</exception>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static ModuleDescription Read(ModuleFiles files, ModuleKind kind)
    {
        var section = kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        var text = files.ReadText(section + ".toml") ?? throw new FileNotFoundException($"{files.Name} has no {section}.toml: it is not a {section}");
        var document = TomlFile.Parse(text, $"{files.Name}/{section}.toml");
        if (kind == ModuleKind.Extension && document.Contains("order"))
            throw document.Error("order", "an extension cannot have an order");
        var module = ModuleDescriptor.Read(document, kind, files.Name, HasExecutables(files, kind));
        if (!BuilderApis.Buildpack.Contains(module.Api))
            throw document.Error("api", $"'{module.Api}' is not supported; supported are {string.Join(", ", BuilderApis.Buildpack)}");
        var table = document.GetTable(section)!;
        CheckName(table, "id", module.Id);
        CheckName(table, "version", module.Version);
        // Targets that were inferred from a stack's name are not the module's own words; those from its executables pack writes too.
        var withTargets = module.Targets.Count > 0 && (module.Stacks.Count == 0 || document.Contains("targets"));
        return new ModuleDescription(module.Id, module.Version, LabelEntry(module, withTargets));
    }

    private static bool HasExecutables(ModuleFiles files, ModuleKind kind) => kind == ModuleKind.Buildpack
        ? files.Exists("bin/build")
        : files.Exists("bin/detect") || files.Exists("bin/generate");

    /// <summary>Ids and versions become names of directories in the image.</summary>
    private static void CheckName(TomlTable table, string key, string name)
    {
        if (name.AsSpan().ContainsAnyExcept(NameCharacters) || name.Split('/').Any(part => part is "" or "." or "..") || (key == "version" && name.Contains('/')))
            throw table.Error(key, $"'{name}' has characters that are not allowed; use letters, digits, '.', '-' and, in an id, '/'");
    }

    private static JsonObject LabelEntry(ModuleDescriptor module, bool withTargets)
    {
        var entry = new JsonObject { ["api"] = module.Api };
        if (module.Stacks.Count > 0)
            entry["stacks"] = new JsonArray([.. module.Stacks.Select(Stack)]);
        if (withTargets)
            entry["targets"] = new JsonArray([.. module.Targets.Select(Target)]);
        if (module.IsComposite)
            entry["order"] = new JsonArray([.. module.Order.Select(group => new JsonObject { ["group"] = new JsonArray([.. group.Elements.Select(Element)]) })]);
        if (!string.IsNullOrEmpty(module.Homepage))
            entry["homepage"] = module.Homepage;
        if (!string.IsNullOrEmpty(module.Name))
            entry["name"] = module.Name;
        return entry;
    }

    private static JsonNode Stack(ModuleStack stack)
    {
        var json = new JsonObject { ["id"] = stack.Id };
        if (stack.Mixins.Count > 0)
            json["mixins"] = new JsonArray([.. stack.Mixins.Select(mixin => (JsonNode)mixin)]);
        return json;
    }

    private static JsonNode Target(ModuleTarget target)
    {
        var json = new JsonObject { ["os"] = target.Os, ["arch"] = target.Arch };
        if (target.Variant.Length > 0)
            json["variant"] = target.Variant;
        if (target.Distros.Count > 0)
            json["distros"] = new JsonArray([.. target.Distros.Select(distro => new JsonObject { ["name"] = distro.Name, ["version"] = distro.Version })]);
        return json;
    }

    private static JsonNode Element(OrderElement element)
    {
        var json = new JsonObject { ["id"] = element.Id, ["version"] = element.Version };
        if (element.Optional)
            json["optional"] = true;
        return json;
    }
}
