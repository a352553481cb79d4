using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Projects;

/// <summary>The part of a project descriptor (project.toml, schema 0.1 and 0.2) that says what belongs to an app's source.</summary>
public sealed record ProjectFile
{
    /// <summary>The name of the file in an app's directory.</summary>
    public const string FileName = "project.toml";

    /// <summary>What alone belongs to the source; null when all does.</summary>
    public SourcePatterns? Include { get; init; }

    /// <summary>What does not belong to the source.</summary>
    public SourcePatterns? Exclude { get; init; }

    /// <summary>Reads the file.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="fileName">How messages name it.</param>
    /// <exception cref="TomlFormatException">It cannot be read, or gives both lists.</exception>
    public static ProjectFile Parse(string text, string fileName)
    {
        var document = TomlFile.Parse(text, fileName);
        var version = document.GetTable("_")?.GetString("schema-version");
        // Schema 0.1 has the table [build]; from 0.2 on it is [io.buildpacks].
        var table = version is null or "0.1" ? document.GetTable("build") : document.GetTable("io")?.GetTable("buildpacks");
        if (table is null)
            return new ProjectFile();
        var (include, exclude) = (PatternsOf(table, "include"), PatternsOf(table, "exclude"));
        return include is not null && exclude is not null
            ? throw table.Error("exclude", "there is an include list too; give one of the two")
            : new ProjectFile { Include = include, Exclude = exclude };
    }

    private static SourcePatterns? PatternsOf(TomlTable table, string key)
    {
        var lines = table.GetStrings(key);
        try
        {
            return lines.Count == 0 ? null : new SourcePatterns(lines);
        }
        catch (FormatException e)
        {
            throw table.Error(key, e.Message);
        }
    }
}
