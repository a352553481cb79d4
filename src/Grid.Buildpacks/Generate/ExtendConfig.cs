using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Generate;

/// <summary>A value an extension gives to an ARG of its Dockerfile.</summary>
public sealed record ExtendArg(string Name, string Value);

/// <summary><c>extend-config.toml</c> (image_extension.md §extend-config.toml).</summary>
public sealed record ExtendConfig(IReadOnlyList<ExtendArg> BuildArgs, IReadOnlyList<ExtendArg> RunArgs)
{
    /// <summary>What an extension without the file has.</summary>
    public static readonly ExtendConfig Empty = new([], []);

    private static readonly string[] Reserved = ["build_id", "user_id", "group_id"];

    /// <summary>Reads the file.</summary>
    /// <param name="document">The file.</param>
    /// <param name="warnings">Takes what is allowed but has no effect.</param>
    /// <exception cref="TomlFormatException">It is malformed or sets an argument that the lifecycle gives.</exception>
    public static ExtendConfig From(TomlTable document, ICollection<string> warnings) =>
        new(Args(document.GetTable("build"), warnings), Args(document.GetTable("run"), warnings));

    private static IReadOnlyList<ExtendArg> Args(TomlTable? kind, ICollection<string> warnings)
    {
        var args = new List<ExtendArg>();
        foreach (var table in kind?.GetTables("args") ?? [])
        {
            var name = table.RequireString("name");
            if (Reserved.Contains(name))
                throw table.Error("name", $"\"{name}\" is given by the lifecycle and cannot be set; remove it");
            // The reference lets it stand and overrides it silently (row 14): refusing would break extensions that work there.
            if (name == "base_image")
                warnings.Add(table.Error("name", "\"base_image\" is given by the lifecycle; the value is ignored").Message);
            else
                args.Add(new ExtendArg(name, table.GetString("value") ?? ""));
        }
        return args;
    }
}
