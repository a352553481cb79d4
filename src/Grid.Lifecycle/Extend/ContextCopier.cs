using System.Text;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Oci.FileSystem;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Extend;

/// <summary>Writes what COPY or ADD matched into the image's tree.</summary>
internal sealed class ContextCopier(IFileTree image, CopyStep step, Owner owner)
{
    private const int DirectoryMode = 0b111_101_101;
    private const int FetchedMode = 0b110_000_000;
    private const int SetId = 0b110_000_000_000;
    private const int InlineMode = 0b110_100_100;

    /// <summary>
    /// Whether the files are read from the context's archive as they come, instead of from an unpacked context. They can be written in any order when it is one file, or one
    /// directory with what is below it: with several sources a later one may stand in an earlier one's way. And reading all of the context for them is worth it when they
    /// are most of it.
    /// </summary>
    public static bool ReadsArchive(CopyStep step, IReadOnlyList<CopiedFile> files, ContextIndex context) =>
        step is { Sources.Count: 1, Unpack: false, Parents: false }
        && (files.Count == 1 || (files is [{ IsRoot: true }, ..] && files.Count(file => file.IsRoot) == 1))
        && files.Sum(file => file.Entry.Size) >= context.Entries.Sum(entry => entry.Size) / 2;

    /// <summary>Copies what was matched, in its order, from an unpacked context.</summary>
    public void Copy(IReadOnlyList<CopiedFile> files, RootedDirectory context, CancellationToken cancellationToken)
    {
        foreach (var file in files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var target = Target(file, out var into);
            if (file.Entry.Type != ContextEntryType.File)
            {
                WriteNode(file, target);
                continue;
            }
            if (step.Unpack && ArchiveUnpacker.TryUnpack(context, "/" + file.Source, image, step.DestinationIsDirectory || file.MayGoInto ? step.Destination : target, cancellationToken))
                continue;
            using var input = context.OpenRead("/" + file.Source);
            WriteFile(file, target, named: file.MayGoInto && !into, input);
        }
    }

    /// <summary>Copies directories and links, then the files as <paramref name="read"/> comes to them.</summary>
    /// <param name="files">What was matched; see <see cref="ReadsArchive"/>.</param>
    /// <param name="read">Gives the content of every file of the context once, by its path.</param>
    /// <exception cref="InvalidDataException">The context lacks a file that its index names.</exception>
    public void CopyFromArchive(IReadOnlyList<CopiedFile> files, Action<Action<string, Stream>> read)
    {
        var waiting = new Dictionary<string, CopiedFile>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            if (file.Entry.Type == ContextEntryType.File)
                waiting.Add(file.Source, file);
            else
                WriteNode(file, Target(file, out _));
        }
        read((path, content) =>
        {
            if (!waiting.Remove(path, out var file))
                return;
            var target = Target(file, out var into);
            WriteFile(file, target, named: file.MayGoInto && !into, content);
        });
        if (waiting.Count > 0)
            throw new InvalidDataException($"the build context has no file {waiting.Keys.First()}, which its index names: it is damaged");
    }

    /// <summary>Writes the here-documents that are sources.</summary>
    public void CopyInline()
    {
        foreach (var inline in step.InlineFiles)
        {
            var named = !step.DestinationIsDirectory && !IsDirectory(step.Destination);
            using var output = Create(named ? step.Destination : Join(step.Destination, inline.Name), Mode(InlineMode), named);
            output.Write(Encoding.UTF8.GetBytes(inline.Content));
        }
    }

    /// <summary>Writes what a URL of ADD gave: readable by its owner only, as Docker has it, and unpacked only when that was asked for.</summary>
    public void CopyFetched(string url, IFileTree store, string path, CancellationToken cancellationToken)
    {
        var named = !step.DestinationIsDirectory && !IsDirectory(step.Destination);
        if (step.UnpackUrls && ArchiveUnpacker.TryUnpack(store, path, image, step.Destination, cancellationToken))
            return;
        using var input = store.OpenRead(path);
        using var output = Create(named ? step.Destination : Join(step.Destination, NameOf(url)), Mode(FetchedMode), named);
        input.CopyTo(output);
    }

    private static string NameOf(string url)
    {
        var path = new Uri(url).AbsolutePath;
        var name = Uri.UnescapeDataString(path[(path.LastIndexOf('/') + 1)..]);
        return name.Length > 0 && name is not ("." or "..") && !name.Contains('/') && !name.Contains('\0')
            ? name : throw new FormatException($"cannot determine a file name from {url}; name the file in the destination");
    }

    private string Target(CopiedFile file, out bool into)
    {
        into = file.MayGoInto && IsDirectory(file.Destination);
        return into ? Join(file.Destination, file.Name) : file.Destination;
    }

    private void WriteNode(CopiedFile file, string target)
    {
        if (file.Entry.Type == ContextEntryType.Directory)
        {
            MakeDirectory(target, file);
            return;
        }
        Prepare(target);
        image.CreateSymbolicLink(target, file.Entry.LinkTarget!, owner);
    }

    private void WriteFile(CopiedFile file, string target, bool named, Stream content)
    {
        // A set-id bit does not get into an image by itself: the classic builder and the reference lose it, --chmod=4755 says it openly.
        using var output = Create(target, Mode(file.Entry.Mode & ~SetId), named);
        content.CopyTo(output);
    }

    private void MakeDirectory(string target, CopiedFile file)
    {
        if (IsDirectory(target))
        {
            if (file.IsRoot)
                return;
            image.SetMode(target, Mode(file.Entry.Mode, isDirectory: true));
            image.ChangeOwner(target, owner, recursive: false);
            return;
        }
        Prepare(target);
        image.CreateDirectory(target, Mode(file.IsRoot ? DirectoryMode : file.Entry.Mode, isDirectory: true), owner);
    }

    /// <summary>
    /// A new file. A link that stands where the instruction itself names a file is followed inside the image, as both of Docker's builders do; one
    /// that is met on the way is replaced.
    /// </summary>
    private Stream Create(string target, int mode, bool named)
    {
        if (image.TryCreateNewFile(target, mode, owner) is { } created)
            return created;
        if (named && image.Stat(target, followLinks: false) is { Kind: FileKind.SymbolicLink })
            return image.CreateFile(target, mode, owner);
        Prepare(target);
        return image.CreateFile(target, mode, owner);
    }

    /// <summary>Makes the parents, and takes away what a new file replaces: a link there is replaced, not followed.</summary>
    private void Prepare(string target)
    {
        var slash = target.LastIndexOf('/');
        if (slash > 0)
            image.CreateDirectory(target[..slash], DirectoryMode, owner);
        if (image.Stat(target, followLinks: false) is { } existing)
        {
            if (existing.IsDirectory)
                throw new FormatException($"cannot replace the directory {target} of the image by a file; copy to {target}/ to put it inside");
            image.Delete(target);
        }
    }

    private int Mode(int mode, bool isDirectory = false) => step.Chmod?.Apply(mode, isDirectory) ?? mode;

    private bool IsDirectory(string path) => image.Stat(path) is { IsDirectory: true };

    private static string Join(string directory, string name) => directory.TrimEnd('/') + "/" + name;
}
