using System.Text;

namespace Grid.Hosting.Configuration;

/// <summary>Writes <c>docs/configuration.md</c> from <see cref="NodeSettings"/>; a test keeps the page and the settings together.</summary>
public static class ConfigurationPage
{
    /// <summary>The whole page.</summary>
    public static string Write()
    {
        var page = new StringBuilder("""
            # Configuration of a node

            `grid serve` reads settings from a file, the environment and flags; a flag wins over the environment, and that over the file. All of them are
            checked before anything starts, and everything that is wrong is named at once. `grid doctor` takes the same settings and tries them.

            The file is TOML: `/etc/grid/grid.toml` when it exists, or the one that `--config` or `GRID_CONFIG` names. A setting's name says where it stands in it,
            and from it come its variable and its flag: `cluster.membership` is `membership` in the table `[cluster]`, `GRID_CLUSTER_MEMBERSHIP` and
            `--cluster-membership`. A list is an array in the file, separated by commas in its variable, and a flag that is given several times. Settings that may
            hold a password have no flag, as others on a machine can read command lines.

            ```toml
            role = ["control", "worker"]
            data-dir = "/var/lib/grid"

            [cluster]
            membership = "redis"

            [state]
            storage = "azure"

            [content]
            shared = "azure"

            [events]
            storage = "azure"
            ```

            This page is made from `src/Grid.Hosting/Configuration/NodeSettings.cs` (`GRID_UPDATE_DOCS=1` when its test runs).

            """);
        foreach (var group in NodeSettings.All.GroupBy(s => s.Name.Contains('.', StringComparison.Ordinal) ? s.Name[..s.Name.IndexOf('.')] : ""))
        {
            page.Append('\n').Append(group.Key.Length == 0 ? "## The node" : $"## [{group.Key}]").Append("\n\n| setting | default | meaning |\n|---|---|---|\n");
            foreach (var setting in group)
                page.Append($"| `{setting.Name}`<br>`{setting.Variable}`{(setting.IsSecret ? "" : $"<br>`{setting.Flag}`")} | {DefaultOf(setting)} | {setting.Description}{LimitsOf(setting)} |\n");
        }
        return page.ToString();
    }

    private static string DefaultOf(Setting setting) =>
        setting.Default.Length == 0 || setting.Default.Contains(' ', StringComparison.Ordinal) || setting.Default.Contains('`', StringComparison.Ordinal) ? setting.Default : $"`{setting.Default}`";

    private static string LimitsOf(Setting setting) =>
        setting.Words.Count > 0 ? $". {(setting.Kind == SettingKind.List ? "Any" : "One")} of {string.Join(", ", setting.Words.Select(w => $"`{w}`"))}"
            : setting.Kind == SettingKind.Number ? $". From {setting.Range.Least} to {setting.Range.Greatest}" : "";
}
