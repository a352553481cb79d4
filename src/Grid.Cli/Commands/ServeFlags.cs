using System.CommandLine;
using Grid.Hosting.Configuration;

namespace Grid.Cli.Commands;

/// <summary>The settings of a node as flags: one for each that may stand on a command line.</summary>
internal static class ServeFlags
{
    public static readonly Option<string?> Config = new("--config", "-c") { Description = $"The node's settings ({NodeConfiguration.FileVariable}; default: {NodeConfiguration.DefaultFile} when it exists)" };

    private static readonly IReadOnlyList<(Setting Setting, Option<string[]> Option)> All = [.. NodeSettings.All.Where(s => !s.IsSecret).Select(s => (s, OptionOf(s)))];

    public static void AddTo(Command command)
    {
        foreach (var (_, option) in All)
            command.Add(option);
    }

    /// <summary>Settings of the file, the environment and the flags; a <see cref="ConfigurationException"/> names everything that is wrong.</summary>
    public static NodeOptions Read(ParseResult parsed) => NodeConfiguration.Read(parsed.GetValue(Config), Environment.GetEnvironmentVariable,
        All.Select(f => (f.Setting, (IReadOnlyList<string>)(parsed.GetValue(f.Option) ?? []))));

    private static Option<string[]> OptionOf(Setting setting) => new(setting.Flag)
    {
        Description = setting.Description.Replace("`", "", StringComparison.Ordinal) + (setting.Default.Length > 0 ? $" (default: {setting.Default.Replace("`", "", StringComparison.Ordinal)})" : ""),
        HelpName = setting.Words.Count > 0 ? string.Join('|', setting.Words) : setting.Kind == SettingKind.Number ? "number" : "text",
        AllowMultipleArgumentsPerToken = false,
    };
}
