using System.Text.Json.Nodes;
using Grid.Buildpacks;
using Grid.Buildpacks.Toml;

namespace Grid.Lifecycle.Builders;

/// <summary>What a module's descriptor says that a builder needs: its name, and what the layers label repeats.</summary>
internal sealed record ModuleDescription(string Id, string Version, JsonObject Info)
{
    private static readonly System.Buffers.SearchValues<char> NameCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/");

    /// <summary>Reads buildpack.toml or extension.toml; of an archive too, which is no file tree.</summary>
    /// <exception cref="TomlFormatException">It is malformed, or of an API that is not supported.</exception>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static ModuleDescription Read(ModuleFiles files, ModuleKind kind)
    {
        var section = kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        var file = section + ".toml";
        var text = files.ReadText(file) ?? throw new FileNotFoundException($"{files.Name} has no {file}: it is not a {section}");
        var root = TomlFile.Parse(text, files.Name + "/" + file);
        var api = root.RequireString("api");
        if (!BuilderApis.Buildpack.Contains(api))
            throw root.Error("api", $"'{api}' is not supported; supported are {string.Join(", ", BuilderApis.Buildpack)}");
        var table = root.GetTable(section) ?? throw root.Error(section, $"is missing; want [{section}] with id and version");
        var info = new JsonObject { ["api"] = api };
        AddStacksAndTargets(info, root, files, kind);
        AddOrder(info, root, kind);
        AddText(info, table, "homepage");
        AddText(info, table, "name");
        return new ModuleDescription(Name(table, "id"), Name(table, "version"), info);
    }

    /// <summary>Ids and versions become names of directories in the image.</summary>
    private static string Name(TomlTable table, string key)
    {
        var name = table.RequireString(key);
        if (name.AsSpan().ContainsAnyExcept(NameCharacters) || name.Split('/').Any(part => part is "" or "." or "..") || (key == "version" && name.Contains('/')))
            throw table.Error(key, $"'{name}' has characters that are not allowed; use letters, digits, '.', '-' and, in an id, '/'");
        return name;
    }

    private static void AddStacksAndTargets(JsonObject info, TomlTable root, ModuleFiles files, ModuleKind kind)
    {
        var stacks = new JsonArray([.. root.GetTables("stacks").Select(Stack)]);
        var targets = new JsonArray([.. root.GetTables("targets").Select(Target)]);
        // Without either, the kind of executable tells: as pack does it.
        var executable = kind == ModuleKind.Buildpack ? "bin/build" : "bin/generate";
        if (stacks.Count == 0 && targets.Count == 0 && !root.Contains("order") && files.Exists(executable))
            targets.Add(new JsonObject { ["os"] = "linux", ["arch"] = "" });
        if (stacks.Count > 0)
            info["stacks"] = stacks;
        if (targets.Count > 0)
            info["targets"] = targets;
    }

    private static JsonNode Stack(TomlTable table)
    {
        var stack = new JsonObject { ["id"] = table.RequireString("id") };
        if (table.GetStrings("mixins") is { Count: > 0 } mixins)
            stack["mixins"] = new JsonArray([.. mixins.Select(mixin => (JsonNode)mixin)]);
        return stack;
    }

    private static JsonNode Target(TomlTable table)
    {
        var target = new JsonObject { ["os"] = table.GetString("os") ?? "", ["arch"] = table.GetString("arch") ?? "" };
        // The reference lifecycle reads "arch-variant" where the specification has "variant".
        if ((table.GetString("variant") ?? table.GetString("arch-variant")) is { Length: > 0 } variant)
            target["variant"] = variant;
        var distros = table.GetTables("distros").Select(distro => (JsonNode)new JsonObject
        {
            ["name"] = distro.GetString("name") ?? "",
            ["version"] = distro.GetString("version") ?? "",
        });
        if (table.GetTables("distros").Count > 0)
            target["distros"] = new JsonArray([.. distros]);
        return target;
    }

    private static void AddOrder(JsonObject info, TomlTable root, ModuleKind kind)
    {
        var order = root.GetTables("order");
        if (order.Count == 0)
            return;
        if (kind == ModuleKind.Extension)
            throw root.Error("order", "an extension cannot have an order");
        info["order"] = new JsonArray([.. order.Select(group => new JsonObject
        {
            ["group"] = new JsonArray([.. group.GetTables("group").Select(Element)]),
        })]);
    }

    private static JsonNode Element(TomlTable table)
    {
        var element = new JsonObject { ["id"] = table.RequireString("id"), ["version"] = table.RequireString("version") };
        if (table.GetBoolean("optional"))
            element["optional"] = true;
        return element;
    }

    private static void AddText(JsonObject info, TomlTable table, string key)
    {
        if (table.GetString(key) is { Length: > 0 } text)
            info[key] = text;
    }
}
