using Grid.Oci.FileSystem;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Builders;

/// <summary>The files of a buildpack, an extension or a lifecycle: a directory or an archive.</summary>
internal abstract class ModuleFiles
{
    /// <summary>What messages call it.</summary>
    public abstract string Name { get; }

    /// <summary>A file at the top as text; null when there is none.</summary>
    public abstract string? ReadText(string name);

    /// <summary>Whether there is a file at this relative path.</summary>
    public abstract bool Exists(string path);

    /// <summary>Writes everything below a relative path into a layer, owned by root and with the fixed time.</summary>
    /// <param name="writer">The layer.</param>
    /// <param name="path">Where to start; empty for everything.</param>
    /// <param name="pathInLayer">The absolute path it gets; its parents are written too.</param>
    /// <param name="cancellationToken">Stops writing.</param>
    public abstract void Append(LayerWriter writer, string path, string pathInLayer, CancellationToken cancellationToken);

    /// <summary>Opens a directory or an archive of this machine.</summary>
    /// <exception cref="FileNotFoundException">There is nothing.</exception>
    public static ModuleFiles Open(string hostPath)
    {
        if (Directory.Exists(hostPath))
            return new DirectoryModuleFiles(hostPath);
        return File.Exists(hostPath)
            ? ArchiveModuleFiles.Read(hostPath)
            : throw new FileNotFoundException($"{hostPath} does not exist");
    }

    private sealed class DirectoryModuleFiles(string directory) : ModuleFiles
    {
        private readonly RootedDirectory _tree = new(directory);

        public override string Name => directory;

        public override string? ReadText(string name)
        {
            if (!Exists(name))
                return null;
            using var reader = new StreamReader(_tree.OpenRead("/" + name));
            return reader.ReadToEnd();
        }

        public override bool Exists(string path) => _tree.Stat("/" + path) is { IsFile: true };

        public override void Append(LayerWriter writer, string path, string pathInLayer, CancellationToken cancellationToken) =>
            DirectoryLayer.Append(
                writer, _tree, "/" + path, new DirectoryLayerOptions { Owner = default(Owner), PathInLayer = pathInLayer }, cancellationToken);
    }
}
