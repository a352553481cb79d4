using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Reports;

/// <summary>The versions of the programs that are compared and used; one that is not installed is left out.</summary>
internal static class ToolVersions
{
    private static readonly (string Name, string Command)[] Programs =
    [
        ("dockerd", "dockerd --version | sed 's/.*version \\([^,]*\\).*/\\1/'"),
        ("buildah", "buildah --version | cut -d' ' -f3"),
        ("runc", "runc --version | sed -n '1s/runc version //p'"),
        ("skopeo", "skopeo --version | cut -d' ' -f3"),
        ("umoci", "umoci --version | cut -d' ' -f3"),
        ("docker-registry", "docker-registry --version | sed 's/.* v\\{0,1\\}//'"),
    ];

    public static async Task<string> ReadAsync(CancellationToken cancellationToken)
    {
        var found = new List<string>();
        foreach (var (name, command) in Programs)
        {
            var version = (await Tool.RunAsync("sh", ["-c", $"command -v {name} >/dev/null || exit 0; {command}"], cancellationToken)).Output.Trim();
            if (version.Length > 0)
                found.Add($"{name} {version}");
        }
        return string.Join(", ", found);
    }
}
