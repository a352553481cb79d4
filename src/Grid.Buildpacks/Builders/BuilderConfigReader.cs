using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Builders;

/// <summary>Turns a parsed builder.toml into a <see cref="BuilderConfig"/>.</summary>
internal sealed class BuilderConfigReader(TomlTable root)
{
    private static readonly string[] Suffixes = ["", "default", "override", "append", "prepend"];

    public BuilderConfig Read()
    {
        RefuseUnknown(root, "description", "buildpacks", "extensions", "order", "order-extensions", "build", "run", "stack", "lifecycle", "targets", "system");
        var stack = root.GetTable("stack");
        if (stack is not null)
            RefuseUnknown(stack, "id", "build-image", "run-image", "run-image-mirrors");
        var order = root.GetTables("order");
        if (order.Count == 0)
            throw root.Error("order", "is missing; want at least one [[order]] with the buildpacks to try");
        var system = root.GetTable("system");
        if (system is not null)
            RefuseUnknown(system, "pre", "post");
        return new BuilderConfig
        {
            Description = root.GetString("description") ?? "",
            Buildpacks = Modules("buildpacks"),
            Extensions = Modules("extensions"),
            Order = [.. order.Select(group => Group(group, extensions: false))],
            OrderExtensions = [.. root.GetTables("order-extensions").Select(group => Group(group, extensions: true))],
            BuildImage = BuildImage(stack),
            BuildEnv = BuildEnv(),
            RunImages = RunImages(stack),
            StackId = stack?.GetString("id"),
            Lifecycle = Lifecycle(),
            Targets = Targets(),
            SystemPre = System(system, "pre"),
            SystemPost = System(system, "post"),
        };
    }

    private List<BuilderModule> Modules(string key) => [.. root.GetTables(key).Select(table =>
    {
        RefuseUnknown(table, "id", "version", "name", "description", "homepage", "uri", "image");
        var uri = table.GetString("uri");
        var image = table.GetString("image");
        if (string.IsNullOrEmpty(uri) == string.IsNullOrEmpty(image))
            throw table.Error(uri is null ? "uri" : "image", "want either uri (a directory, an archive or an image) or image");
        return new BuilderModule(string.IsNullOrEmpty(uri) ? image! : uri, table.Position)
        {
            Id = table.GetString("id"),
            Version = table.GetString("version"),
            IsImage = string.IsNullOrEmpty(uri),
        };
    })];

    private static BuilderGroup Group(TomlTable table, bool extensions)
    {
        RefuseUnknown(table, "group");
        var elements = table.GetTables("group");
        if (elements.Count == 0)
            throw table.Error("group", "is missing; want at least one element");
        return new BuilderGroup([.. elements.Select(element => Element(element, extensions))]);
    }

    private static BuilderGroupElement Element(TomlTable table, bool extension)
    {
        RefuseUnknown(table, "id", "version", "optional");
        if (extension && table.Contains("optional"))
            throw table.Error("optional", "extensions are always optional; remove the key");
        return new BuilderGroupElement(
            table.RequireString("id"), table.GetString("version") is { Length: > 0 } version ? version : null, table.GetBoolean("optional"), table.Position);
    }

    private string BuildImage(TomlTable? stack)
    {
        var build = root.GetTable("build");
        if (build is not null)
            RefuseUnknown(build, "image", "env");
        var image = build?.GetString("image");
        var old = stack?.GetString("build-image");
        if (string.IsNullOrEmpty(image) && string.IsNullOrEmpty(old))
            throw (build ?? root).Error(build is null ? "build" : "image", "is missing; want the image to build in ([build] image)");
        if (!string.IsNullOrEmpty(image) && !string.IsNullOrEmpty(old) && image != old)
            throw build!.Error("image", $"differs from [stack] build-image '{old}'; keep one");
        return string.IsNullOrEmpty(image) ? old! : image;
    }

    private List<BuilderVariable> BuildEnv()
    {
        var variables = new List<BuilderVariable>();
        foreach (var table in root.GetTable("build")?.GetTables("env") ?? [])
        {
            RefuseUnknown(table, "name", "value", "suffix", "delim");
            var name = table.RequireString("name");
            if (name.AsSpan().IndexOfAny("=/.\0") >= 0)
                throw table.Error("name", $"'{name}' cannot be the name of a variable");
            var suffix = table.GetString("suffix") ?? "";
            if (!Suffixes.Contains(suffix))
                throw table.Error("suffix", $"'{suffix}' is not one of default, override, append, prepend");
            var delimiter = table.GetString("delim");
            if (suffix is "append" or "prepend" && string.IsNullOrEmpty(delimiter))
                throw table.Error("delim", $"is missing; {suffix} needs what to put between the values");
            variables.Add(new BuilderVariable(name, table.GetString("value") ?? "", suffix, string.IsNullOrEmpty(delimiter) ? null : delimiter));
        }
        return variables;
    }

    private List<BuilderRunImage> RunImages(TomlTable? stack)
    {
        var run = root.GetTable("run");
        if (run is not null)
            RefuseUnknown(run, "images");
        List<BuilderRunImage> images = [.. (run?.GetTables("images") ?? []).Select(table =>
        {
            RefuseUnknown(table, "image", "mirrors");
            return new BuilderRunImage(table.RequireString("image"), table.GetStrings("mirrors"));
        })];
        var old = stack?.GetString("run-image");
        if (images.Count > 0 && !string.IsNullOrEmpty(old) && images[0].Image != old)
            throw stack!.Error("run-image", $"differs from the first of [[run.images]], '{images[0].Image}'; keep one");
        if (images.Count == 0 && !string.IsNullOrEmpty(old))
            images.Add(new BuilderRunImage(old, stack!.GetStrings("run-image-mirrors")));
        return images.Count > 0
            ? images
            : throw (run ?? root).Error(run is null ? "run" : "images", "is missing; want the image apps run on ([[run.images]] image)");
    }

    private BuilderLifecycle? Lifecycle()
    {
        if (root.GetTable("lifecycle") is not { } table)
            return null;
        RefuseUnknown(table, "uri", "version");
        return new BuilderLifecycle(table.GetString("uri"), table.GetString("version"), table.Position);
    }

    private List<BuilderTarget> Targets() => [.. root.GetTables("targets").Select(table =>
    {
        RefuseUnknown(table, "os", "arch", "variant", "path", "distros");
        foreach (var distro in table.GetTables("distros"))
            RefuseUnknown(distro, "name", "version");
        return new BuilderTarget(table.GetString("os") ?? "", table.GetString("arch") ?? "", table.GetString("variant"), table.Position);
    })];

    private static List<BuilderGroupElement> System(TomlTable? system, string key)
    {
        if (system?.GetTable(key) is not { } table)
            return [];
        RefuseUnknown(table, "buildpacks");
        return [.. table.GetTables("buildpacks").Select(element => Element(element, extension: false))];
    }

    private static void RefuseUnknown(TomlTable table, params string[] known)
    {
        foreach (var (key, _) in table.Entries)
        {
            if (!known.Contains(key, StringComparer.OrdinalIgnoreCase))
                throw table.Error(key, $"unknown key; known are {string.Join(", ", known)}");
        }
    }
}
