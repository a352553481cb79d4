using System.Text;
using Grid.Buildpacks.Launch;

namespace Grid.Buildpacks.Metadata;

/// <summary>
/// <c>config/metadata.toml</c>, which the launcher reads in the app image. Written to the byte as the reference lifecycle does: it is a layer of its own,
/// whose diff ID is then the same.
/// </summary>
public static class MetadataToml
{
    /// <summary>The text of the file.</summary>
    /// <param name="build">What the build phase found out.</param>
    /// <param name="platformApi">Below 0.10 a command is a string, and what else it had stands before the arguments.</param>
    public static string Write(BuildMetadata build, string platformApi)
    {
        var text = new StringBuilder();
        if (build.DefaultProcessType.Length > 0)
            text.Append("buildpack-default-process-type = ").Append(TomlText.Quote(build.DefaultProcessType)).Append('\n');
        foreach (var module in build.Buildpacks)
            WriteModule(Header(text, "buildpacks"), module);
        foreach (var module in build.Extensions)
            WriteModule(Header(text, "extensions"), module);
        foreach (var label in build.Labels)
            Value(Value(Header(text, "labels"), "key", label.Key), "value", label.Value);
        foreach (var process in build.Processes)
            WriteProcess(Header(text, "processes"), process, platformApi);
        foreach (var slice in build.Slices)
            Header(text, "slices").Append("  paths = ").Append(TomlText.Array(slice.Paths)).Append('\n');
        return text.ToString();
    }

    private static void WriteModule(StringBuilder text, GroupElement module)
    {
        Value(Value(text, "id", module.Id), "version", module.Version);
        Value(text, "api", module.Api);
        if (!string.IsNullOrEmpty(module.Homepage))
            Value(text, "homepage", module.Homepage);
    }

    private static void WriteProcess(StringBuilder text, LaunchProcess process, string platformApi)
    {
        var shortCommand = platformApi.IsBelow("0.10");
        Value(text, "type", process.Type);
        text.Append("  command = ").Append(shortCommand ? TomlText.Quote(process.Command[0]) : TomlText.Array(process.Command)).Append('\n');
        if ((shortCommand ? process.ArgsWithCommandTail : process.Args) is { } args)
            text.Append("  args = ").Append(TomlText.Array(args)).Append('\n');
        text.Append("  direct = ").Append(process.Direct ? "true" : "false").Append('\n');
        if (process.Default)
            text.Append("  default = true\n");
        Value(text, "buildpack-id", process.BuildpackId);
        if (!string.IsNullOrEmpty(process.WorkingDirectory))
            Value(text, "working-dir", process.WorkingDirectory);
        if (process.ExecEnv is { Count: > 0 } environments)
            text.Append("  exec-env = ").Append(TomlText.Array(environments)).Append('\n');
    }

    private static StringBuilder Header(StringBuilder text, string name)
    {
        if (text.Length > 0)
            text.Append('\n');
        return text.Append("[[").Append(name).Append("]]\n");
    }

    private static StringBuilder Value(StringBuilder text, string key, string value) =>
        text.Append("  ").Append(key).Append(" = ").Append(TomlText.Quote(value)).Append('\n');
}
