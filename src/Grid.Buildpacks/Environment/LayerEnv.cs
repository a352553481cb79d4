using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Environment;

/// <summary>What layers add to the environment of later buildpacks and of the app (buildpack.md §Environment; spec-facts §5.3).</summary>
public static class LayerEnv
{
    private static readonly (string Directory, string Variable)[] BuildPaths =
        [("bin", "PATH"), ("lib", "LD_LIBRARY_PATH"), ("lib", "LIBRARY_PATH"), ("include", "CPATH"), ("pkgconfig", "PKG_CONFIG_PATH")];

    private static readonly (string Directory, string Variable)[] LaunchPaths = [("bin", "PATH"), ("lib", "LD_LIBRARY_PATH")];

    /// <summary>
    /// Adds the layers with <c>build = true</c> of one buildpack to the environment that later buildpacks see. Layers come in order of their names, each with
    /// its directories first, then <c>env</c>, then <c>env.build</c>; as directories go in front, the last name comes first in PATH (row 28).
    /// </summary>
    public static void ApplyBuild(EnvironmentVariables variables, IFileTree files, IEnumerable<string> layerDirectories)
    {
        foreach (var layer in layerDirectories.Order(StringComparer.Ordinal))
        {
            ApplyPaths(variables, files, layer, BuildPaths);
            EnvFiles.ApplyActions(variables, files, layer + "/env", UnsuffixedAction.Override);
            EnvFiles.ApplyActions(variables, files, layer + "/env.build", UnsuffixedAction.Override);
        }
    }

    /// <summary>
    /// Adds launch layers of one buildpack to the environment of a process: the directories of all layers, then of each layer <c>env</c>,
    /// <c>env.launch</c> and, when a type is given, <c>env.launch/TYPE</c>.
    /// </summary>
    public static void ApplyLaunch(EnvironmentVariables variables, IFileTree files, IEnumerable<string> layerDirectories, string? processType = null)
    {
        var layers = layerDirectories.Order(StringComparer.Ordinal).ToList();
        foreach (var layer in layers)
            ApplyPaths(variables, files, layer, LaunchPaths);
        foreach (var layer in layers)
        {
            EnvFiles.ApplyActions(variables, files, layer + "/env", UnsuffixedAction.Override);
            EnvFiles.ApplyActions(variables, files, layer + "/env.launch", UnsuffixedAction.Override);
            if (!string.IsNullOrEmpty(processType))
                EnvFiles.ApplyActions(variables, files, layer + "/env.launch/" + processType, UnsuffixedAction.Override);
        }
    }

    private static void ApplyPaths(EnvironmentVariables variables, IFileTree files, string layer, (string Directory, string Variable)[] paths)
    {
        foreach (var (directory, variable) in paths)
        {
            var path = layer + "/" + directory;
            if (files.Stat(path) is { IsDirectory: true })
                variables.Prepend(variable, path, ":");
        }
    }
}
