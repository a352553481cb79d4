using System.Text;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Builders;

/// <summary>
/// A module as a tar archive, compressed or not. It is read twice, first for its names and descriptors, then into the layer: nothing is
/// unpacked onto the disk.
/// </summary>
internal sealed class ArchiveModuleFiles : ModuleFiles
{
    private const int MaxTextBytes = 1 << 20;

    private readonly string _file;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);

    private ArchiveModuleFiles(string file) => _file = file;

    public override string Name => _file;

    /// <summary>Reads the archive's list of files.</summary>
    /// <exception cref="InvalidDataException">It is not a tar archive, or holds names that lead out of it.</exception>
    public static ArchiveModuleFiles Read(string file)
    {
        var archive = new ArchiveModuleFiles(file);
        archive.ForEach((path, entry, content) =>
        {
            if (entry.Type == LayerEntryType.Directory)
                return;
            archive._names.Add(path);
            if (!path.Contains('/') && path.EndsWith(".toml", StringComparison.Ordinal) && entry.Size <= MaxTextBytes)
            {
                using var reader = new StreamReader(content, Encoding.UTF8, leaveOpen: true);
                archive._texts[path] = reader.ReadToEnd();
            }
        });
        return archive;
    }

    public override string? ReadText(string name) => _texts.GetValueOrDefault(name);

    public override bool Exists(string path) => _names.Contains(path);

    public override void Append(LayerWriter writer, string path, string pathInLayer, CancellationToken cancellationToken)
    {
        for (var slash = pathInLayer.IndexOf('/', 1); slash > 0; slash = pathInLayer.IndexOf('/', slash + 1))
            writer.Write(BuilderFiles.Directory(pathInLayer[..slash]));
        writer.Write(BuilderFiles.Directory(pathInLayer));
        var prefix = path.Length == 0 ? "" : path + "/";
        ForEach((name, entry, content) =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (name.Length <= prefix.Length || !name.StartsWith(prefix, StringComparison.Ordinal))
                return;
            var target = entry.Type == LayerEntryType.HardLink ? pathInLayer + "/" + Relative(entry.LinkTarget!)[prefix.Length..] : entry.LinkTarget;
            var inLayer = new LayerEntry(pathInLayer + "/" + name[prefix.Length..], entry.Type) { Mode = entry.Mode, Size = entry.Size, LinkTarget = target };
            writer.Write(inLayer, entry.Size > 0 ? content : null);
        });
    }

    private void ForEach(Action<string, LayerEntry, Stream> action)
    {
        try
        {
            using var stream = File.OpenRead(_file);
            // By its first bytes: names of archives say little.
            using var tar = LayerReader.Decompress(stream, "application/octet-stream");
            var reader = new LayerReader(tar);
            while (reader.Next() is { } entry)
            {
                if (entry.Type is LayerEntryType.CharacterDevice or LayerEntryType.BlockDevice or LayerEntryType.Fifo)
                    throw new InvalidDataException($"'{entry.Path}' is a device or a pipe");
                var path = Relative(entry.Path);
                if (path.Length > 0)
                    action(path, entry, reader.Content);
            }
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{_file} is not a usable archive: {e.Message}", e);
        }
    }

    /// <summary>The path without "./" and slashes at its ends.</summary>
    private static string Relative(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").ToList();
        return parts.Contains("..") ? throw new InvalidDataException($"'{path}' leads out of the archive") : string.Join('/', parts);
    }
}
