using System.Text;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Oci.FileSystem;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Extend;

/// <summary>Writes what COPY or ADD matched into the image's tree.</summary>
internal sealed class ContextCopier(IFileTree image, OpenedContext context, CopyStep step, Owner owner)
{
    private const int DirectoryMode = 0b111_101_101;
    private const int FetchedMode = 0b110_000_000;
    private const int SetId = 0b110_000_000_000;
    private const int InlineMode = 0b110_100_100;

    public void Copy(CancellationToken cancellationToken)
    {
        foreach (var file in ContextMatcher.Match(step, context.Index, ignore: null))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Write(file, cancellationToken);
        }
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

    private void Write(CopiedFile file, CancellationToken cancellationToken)
    {
        var into = file.MayGoInto && IsDirectory(file.Destination);
        var target = into ? Join(file.Destination, file.Name) : file.Destination;
        switch (file.Entry.Type)
        {
            case ContextEntryType.Directory:
                MakeDirectory(target, file);
                break;
            case ContextEntryType.SymbolicLink:
                Prepare(target);
                image.CreateSymbolicLink(target, file.Entry.LinkTarget!, owner);
                break;
            default:
                if (step.Unpack && ArchiveUnpacker.TryUnpack(context.Files, "/" + file.Source, image, step.DestinationIsDirectory || file.MayGoInto ? step.Destination : target, cancellationToken))
                    break;
                using (var input = context.Files.OpenRead("/" + file.Source))
                // A set-id bit does not get into an image by itself: the classic builder and the reference lose it, --chmod=4755 says it openly.
                using (var output = Create(target, Mode(file.Entry.Mode & ~SetId), named: file.MayGoInto && !into))
                    input.CopyTo(output);
                break;
        }
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
