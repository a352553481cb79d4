using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Generate;

/// <summary>An extend-config.toml: arguments for an extension's Dockerfiles (image_extension.md §extend-config.toml).</summary>
public sealed record ExtendConfig(IReadOnlyList<ExtendArg> Build, IReadOnlyList<ExtendArg> Run)
{
    /// <summary>An extension that gives none.</summary>
    public static readonly ExtendConfig Empty = new([], []);

    private static readonly string[] Reserved = ["build_id", "user_id", "group_id"];

    /// <summary>Reads a parsed file.</summary>
    /// <exception cref="TomlFormatException">It sets an argument that the platform sets, or a key has the wrong type.</exception>
    public static ExtendConfig Read(TomlTable document) => new(Args(document, "build"), Args(document, "run"));

    private static IReadOnlyList<ExtendArg> Args(TomlTable document, string kind) =>
        [.. (document.GetTable(kind)?.GetTables("args") ?? []).Select(a => Reserved.Contains(a.RequireString("name"))
            ? throw a.Error("name", $"'{a.GetString("name")}' is set by the platform; remove it")
            : new ExtendArg(a.RequireString("name"), a.GetString("value") ?? ""))];
}

/// <summary>An argument by name and value.</summary>
public sealed record ExtendArg(string Name, string Value);
