using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Descriptors;

/// <summary><c>exec-env</c>: a list of strings in most places of the specification, an array of tables with <c>name</c> in one. Both are read (row 5).</summary>
internal static class ExecEnvList
{
    public static IReadOnlyList<string> Read(TomlTable table) => table["exec-env"] is TomlArray { HoldsTables: true }
        ? [.. table.GetTables("exec-env").Select(t => t.RequireString("name"))]
        : table.GetStrings("exec-env");

    /// <summary>Whether a list admits an environment: it is empty, has "*" or has the environment.</summary>
    public static bool Admits(IReadOnlyList<string> list, string execEnv) => list.Count == 0 || list.Contains("*") || list.Contains(execEnv);
}
