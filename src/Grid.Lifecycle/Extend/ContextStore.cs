using System.Text.Json;
using Grid.Dockerfiles.Context;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Extend;

/// <summary>Build contexts as content: packed and indexed by whoever has the files, unpacked once on a node that copies from them.</summary>
/// <param name="content">Where archives and indexes are.</param>
/// <param name="directory">Where contexts are unpacked.</param>
public sealed class ContextStore(ContentStore content, string directory)
{
    private const string IndexMediaType = "application/vnd.grid.context.index.v1+json";

    /// <summary>Makes the index of an archive, without what its .dockerignore leaves out, and stores it.</summary>
    public static BuildContext Index(ContentStore content, Layer archive, CancellationToken cancellationToken)
    {
        var entries = new List<ContextEntry>();
        IgnoreFile? ignored = null;
        using var tar = LayerReader.Decompress(content.Open(archive.Blob), archive.Blob.MediaType);
        var reader = new LayerReader(tar);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var path = entry.Path.TrimEnd('/');
            if (entry.Type == LayerEntryType.Directory)
                entries.Add(new ContextEntry(path, ContextEntryType.Directory, entry.Mode));
            else if (entry.Type == LayerEntryType.SymbolicLink)
                entries.Add(new ContextEntry(path, ContextEntryType.SymbolicLink, entry.Mode, LinkTarget: entry.LinkTarget));
            else if (entry.Type == LayerEntryType.File)
                entries.Add(File(path, entry, reader.Content, ref ignored));
        }
        var all = ContextIndex.Create(entries);
        var index = ignored?.Apply(all) ?? all;
        return new BuildContext(archive, content.Put(JsonSerializer.SerializeToUtf8Bytes(index), IndexMediaType).Digest);
    }

    /// <summary>Reads an index.</summary>
    public static ContextIndex Read(ContentStore content, Digest index)
    {
        using var stream = System.IO.File.OpenRead(content.PathOf(index));
        return JsonSerializer.Deserialize<ContextIndex>(stream) ?? throw new InvalidDataException($"context index {index} is empty");
    }

    /// <summary>The index of a context.</summary>
    internal ContextIndex ReadIndex(BuildContext context) => context.Index.IsEmpty ? ContextIndex.Empty : Read(content, context.Index);

    /// <summary>Gives the content of each file of a context once, by its path, without unpacking the context. What .dockerignore leaves out is among it.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged; what was given out is worth nothing.</exception>
    internal void ReadFiles(BuildContext context, Action<string, Stream> take, CancellationToken cancellationToken) =>
        SourceArchive.Read(content, context.Archive, new LayerLimits(), (entry, bytes) =>
        {
            if (entry.Type == LayerEntryType.File)
                take(entry.Path, bytes);
        }, cancellationToken);

    /// <summary>The files of a context on this node.</summary>
    internal async Task<OpenedContext> OpenAsync(BuildContext context, CancellationToken cancellationToken)
    {
        if (context.Index.IsEmpty)
            return new OpenedContext(new RootedDirectory(Directory.CreateDirectory(Path.Combine(directory, "empty")).FullName), ContextIndex.Empty);
        var index = Read(content, context.Index);
        var path = Path.Combine(directory, $"{context.Archive.DiffId.Hex[..32]}-{context.Index.Hex[..32]}");
        if (!Directory.Exists(path))
        {
            var unfinished = $"{path}.{Path.GetRandomFileName()}";
            await SourceArchive.UnpackAsync(content, context.Archive, unfinished, default, new LayerLimits(), cancellationToken);
            using (var held = new RootedDirectory(unfinished).Hold())
                RemoveIgnored(held.Files, "", index.Entries.Select(entry => entry.Path).ToHashSet(StringComparer.Ordinal));
            try
            {
                Directory.Move(unfinished, path);
            }
            catch (IOException) when (Directory.Exists(path))
            {
                // Another step of this build unpacked the same context meanwhile.
                Directory.Delete(unfinished, recursive: true);
            }
        }
        return new OpenedContext(new RootedDirectory(path), index);
    }

    /// <summary>A bind mount shows a directory as it is: what .dockerignore leaves out, and so is in no key, must not be there.</summary>
    private static void RemoveIgnored(RootedDirectory files, string directory, HashSet<string> kept)
    {
        foreach (var file in files.List("/" + directory))
        {
            var path = directory + file.Name;
            if (!kept.Contains(path))
                files.Delete("/" + path);
            else if (file.IsDirectory)
                RemoveIgnored(files, path + "/", kept);
        }
    }

    private static ContextEntry File(string path, LayerEntry entry, Stream bytes, ref IgnoreFile? ignored)
    {
        if (path != IgnoreFile.FileName)
        {
            using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
            var buffer = new byte[64 * 1024];
            for (int read; (read = bytes.Read(buffer)) > 0;)
                hash.AppendData(buffer.AsSpan(0, read));
            return new ContextEntry(path, ContextEntryType.File, entry.Mode, entry.Size, Digest.FromSha256(hash.GetHashAndReset()));
        }
        using var text = new MemoryStream();
        bytes.CopyTo(text);
        ignored = IgnoreFile.Parse(System.Text.Encoding.UTF8.GetString(text.ToArray()));
        return new ContextEntry(path, ContextEntryType.File, entry.Mode, entry.Size, Digest.Compute(text.ToArray()));
    }
}

/// <summary>A context on this node: its files, and the index that says which of them count.</summary>
internal sealed record OpenedContext(RootedDirectory Files, ContextIndex Index)
{
    /// <summary>Where an entry is on the host; only for paths of the index, which go through no link.</summary>
    public string HostPath(string path) => path.Length == 0 ? Files.HostDirectory : Path.Combine(Files.HostDirectory, path);
}
