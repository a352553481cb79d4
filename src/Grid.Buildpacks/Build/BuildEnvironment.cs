using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Build;

/// <summary>
/// The environment bin/build runs in (buildpack.md §Environment): what the image gives and the filter lets through, what earlier buildpacks' layers
/// added, and for one buildpack alone what the user and the operator set.
/// </summary>
public sealed class BuildEnvironment
{
    private static readonly HashSet<string> Passed =
    [
        "CNB_STACK_ID", "HOSTNAME", "HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    ];

    private static readonly string[] PathNames = ["PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH"];

    private static readonly (string Directory, string[] Names)[] PosixDirectories =
    [
        ("bin", ["PATH"]), ("lib", ["LD_LIBRARY_PATH", "LIBRARY_PATH"]), ("include", ["CPATH"]), ("pkgconfig", ["PKG_CONFIG_PATH"]),
    ];

    private readonly EnvironmentVariables _variables = new();

    /// <summary>Starts with what the filter lets through of an image's environment.</summary>
    /// <param name="imageEnv"><c>NAME=value</c>.</param>
    /// <param name="extraNames">Names beyond the specification's that shall pass.</param>
    public BuildEnvironment(IReadOnlyList<string> imageEnv, IReadOnlyList<string> extraNames)
    {
        foreach (var line in imageEnv)
        {
            var at = line.IndexOf('=');
            if (at > 0 && (Passed.Contains(line[..at]) || PathNames.Contains(line[..at]) || extraNames.Contains(line[..at])))
                _variables[line[..at]] = line[(at + 1)..];
        }
    }

    /// <summary>A variable's value so far; empty when it is not set.</summary>
    public string this[string name]
    {
        get => _variables[name];
        set => _variables[name] = value;
    }

    /// <summary>Adds a <c>build = true</c> layer for the buildpacks that come later. What comes last stands first in PATH (as the reference).</summary>
    public void AddLayer(IFileTree files, string layerDirectory)
    {
        foreach (var (directory, names) in PosixDirectories)
        {
            var path = $"{layerDirectory}/{directory}";
            if (files.Stat(path) is not { IsDirectory: true })
                continue;
            foreach (var name in names)
                _variables.Prepend(name, path, ":");
        }
        _variables.Apply(files, layerDirectory + "/env", defaultAction: "override");
        _variables.Apply(files, layerDirectory + "/env.build", defaultAction: "override");
    }

    /// <summary>The environment of one buildpack. Nothing of it stays for the next.</summary>
    /// <param name="files">The sandbox's tree.</param>
    /// <param name="platformDirectory">The user's variables are in its <c>env</c>; null when the buildpack cleared them.</param>
    /// <param name="buildConfigDirectory">The operator's are in its <c>env</c>; they come last.</param>
    /// <param name="own">CNB_BUILDPACK_DIR and the like.</param>
    public IReadOnlyList<string> For(IFileTree files, string? platformDirectory, string buildConfigDirectory, IEnumerable<(string Name, string? Value)> own)
    {
        var variables = _variables.Copy();
        if (platformDirectory is not null)
            variables.ApplyUser(files, platformDirectory + "/env", PathNames);
        variables.Apply(files, buildConfigDirectory + "/env", defaultAction: "default");
        foreach (var (name, value) in own)
        {
            if (!string.IsNullOrEmpty(value))
                variables[name] = value;
        }
        return variables.ToList();
    }
}
