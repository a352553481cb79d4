using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Oci.Layers;

/// <summary>How a directory becomes a layer.</summary>
public sealed record DirectoryLayerOptions
{
    /// <summary>Owner of all entries of the directory itself (not of its parents); null keeps the owners on disk.</summary>
    public Owner? Owner { get; init; }

    /// <summary>
    /// Asked for each path of the tree (as it is in the tree) whether it belongs to the layer. A directory that does not is still searched, and
    /// is written after all when something below it belongs.
    /// </summary>
    public Func<string, FileEntry, bool>? Include { get; init; }

    /// <summary>Absolute path the directory has in the layer; null means the one it has in the tree.</summary>
    public string? PathInLayer { get; init; }

    public LayerCompression Compression { get; init; } = LayerCompression.Gzip;
}

/// <summary>
/// Makes the layers of an export: the parents of a directory with their own owners, then the directory, depth first in byte order, as the
/// reference lifecycle does it: absolute names, one fixed time, no extended attributes, hard links as files of their own, no sockets.
/// </summary>
public sealed class DirectoryLayer
{
    private readonly LayerWriter _writer;
    private readonly IFileTree _tree;
    private readonly DirectoryLayerOptions _options;
    private readonly string _path;
    private readonly string _pathInLayer;
    private readonly CancellationToken _cancellationToken;

    // Directories that are only written when something below them is.
    private readonly List<LayerEntry> _pending = [];

    private DirectoryLayer(LayerWriter writer, IFileTree tree, string path, DirectoryLayerOptions options, CancellationToken cancellationToken)
    {
        _writer = writer;
        _tree = tree;
        _options = options;
        _path = path.TrimEnd('/');
        _pathInLayer = (options.PathInLayer ?? path).TrimEnd('/');
        _cancellationToken = cancellationToken;
        if (!(_pathInLayer + "/").StartsWith('/'))
            throw new ArgumentException($"a directory in a layer has an absolute path, not '{_pathInLayer}'", nameof(options));
    }

    /// <summary>Packs a directory (or a single file) of a tree. Nothing there throws <see cref="DirectoryNotFoundException"/>.</summary>
    public static Layer Create(ContentStore store, IFileTree tree, string path, DirectoryLayerOptions options, CancellationToken cancellationToken)
    {
        using var writer = LayerWriter.Create(store, options.Compression);
        Append(writer, tree, path, options, cancellationToken);
        return writer.Complete();
    }

    /// <summary>The diff ID <see cref="Create"/> would give the layer. Costs reading and hashing, a small part of what compressing costs.</summary>
    public static Digest Measure(IFileTree tree, string path, DirectoryLayerOptions options, CancellationToken cancellationToken)
    {
        using var writer = LayerWriter.Measure();
        Append(writer, tree, path, options, cancellationToken);
        return writer.CompleteDiffId();
    }

    /// <summary>Adds what <see cref="Create"/> packs to a layer that is being written.</summary>
    public static void Append(LayerWriter writer, IFileTree tree, string path, DirectoryLayerOptions options, CancellationToken cancellationToken) =>
        new DirectoryLayer(writer, tree, path, options, cancellationToken).Pack();

    private void Pack()
    {
        var top = _tree.Stat(_path.Length == 0 ? "/" : _path) ??
            throw new DirectoryNotFoundException($"cannot make a layer of '{_path}': there is nothing");
        AddParents();
        Add(_path, top);
    }

    private void AddParents()
    {
        if (_pathInLayer.Length == 0)
            return;
        for (var slash = _pathInLayer.IndexOf('/', 1); slash > 0; slash = _pathInLayer.IndexOf('/', slash + 1))
        {
            var parent = _pathInLayer[..slash];
            var onDisk = _tree.Stat(parent) is { IsDirectory: true } entry ? entry : null;
            _pending.Add(new LayerEntry(parent, LayerEntryType.Directory) { Mode = onDisk?.Mode ?? 0x1ED, Owner = onDisk?.Owner ?? default });
        }
    }

    private void Add(string path, FileEntry file)
    {
        _cancellationToken.ThrowIfCancellationRequested();
        var included = _options.Include?.Invoke(path.Length == 0 ? "/" : path, file) ?? true;
        if (!file.IsDirectory)
        {
            if (included && file.Kind != FileKind.Socket)
                Write(path, file);
            return;
        }
        var depth = _pending.Count;
        if (_pathInLayer.Length + path.Length - _path.Length > 0)
            _pending.Add(Entry(path, file, LayerEntryType.Directory));
        if (included)
            WritePending();
        foreach (var below in _tree.List(path.Length == 0 ? "/" : path))
            Add($"{path}/{below.Name}", below);
        // What is still pending beyond this depth was this directory, with nothing below it that belongs.
        if (_pending.Count > depth)
            _pending.RemoveRange(depth, _pending.Count - depth);
    }

    private void Write(string path, FileEntry file)
    {
        WritePending();
        if (!file.IsFile)
        {
            _writer.Write(Entry(path, file, TypeOf(file.Kind)));
            return;
        }
        using var content = file.Size > 0 ? _tree.OpenRead(path) : null;
        _writer.Write(Entry(path, file, LayerEntryType.File), content);
    }

    private void WritePending()
    {
        foreach (var entry in _pending)
            _writer.Write(entry);
        _pending.Clear();
    }

    private LayerEntry Entry(string path, FileEntry file, LayerEntryType type) => new(_pathInLayer + path[_path.Length..], type)
    {
        Mode = file.Mode,
        Owner = _options.Owner ?? file.Owner,
        Size = file.Size,
        LinkTarget = file.LinkTarget,
        Device = file.Device,
    };

    private static LayerEntryType TypeOf(FileKind kind) => kind switch
    {
        FileKind.SymbolicLink => LayerEntryType.SymbolicLink,
        FileKind.CharacterDevice => LayerEntryType.CharacterDevice,
        FileKind.BlockDevice => LayerEntryType.BlockDevice,
        FileKind.Fifo => LayerEntryType.Fifo,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind of file that can be in a layer"),
    };
}
