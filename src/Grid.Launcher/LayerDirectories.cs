namespace Grid.Launcher;

/// <summary>The layers in an app image, in the order in which they count.</summary>
internal sealed class LayerDirectories(string layersDirectory, LaunchMetadata metadata)
{
    /// <summary>For each buildpack of the group that has layers: the layers' directories by name.</summary>
    public IEnumerable<IReadOnlyList<string>> ByBuildpack()
    {
        foreach (var buildpack in metadata.Buildpacks)
        {
            var directory = layersDirectory + "/" + buildpack.DirectoryName;
            var layers = new List<string>();
            foreach (var entry in Posix.List(directory))
            {
                if (entry.IsDirectory)
                    layers.Add(directory + "/" + entry.Name);
            }
            yield return layers;
        }
    }

    /// <summary>The files of <c>&lt;layer&gt;/&lt;name&gt;</c>, then those of <c>&lt;layer&gt;/&lt;name&gt;/&lt;type&gt;</c>, layer after layer.</summary>
    public IEnumerable<string> Files(string name, string processType)
    {
        foreach (var layers in ByBuildpack())
        {
            foreach (var layer in layers)
            {
                foreach (var file in FilesIn(layer + "/" + name))
                    yield return file;
                if (processType.Length == 0)
                    continue;
                foreach (var file in FilesIn(layer + "/" + name + "/" + processType))
                    yield return file;
            }
        }
    }

    private static IEnumerable<string> FilesIn(string directory)
    {
        foreach (var entry in Posix.List(directory))
        {
            if (!entry.IsDirectory)
                yield return directory + "/" + entry.Name;
        }
    }
}
