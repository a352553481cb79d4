using Grid.Oci.FileSystem;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>
/// Makes an extra lower directory that holds the mount points an image lacks, so that making them never shows up in a layer. An image's links
/// are followed inside it: a volume at /workspace of an image where that is a link to /etc lands on the image's /etc, nowhere else.
/// </summary>
/// <param name="image">The image, read-only and at rest.</param>
/// <param name="directory">The extra lower.</param>
internal sealed class MountPoints(RootedDirectory image, string directory)
{
    private const int MaxLinks = 40;
    private readonly RootedDirectory _extra = new(directory);

    /// <summary>Directories that exist only here, with the mode they were made with.</summary>
    public HashSet<string> MadeDirectories { get; } = new(StringComparer.Ordinal);

    /// <summary>Makes sure that there is a directory (or a file) at a path, and answers the path without links.</summary>
    public string Add(string path, bool isDirectory)
    {
        var real = Resolve(path, out var found);
        if (real == "/")
            throw new SandboxException($"'{path}' is the root of the sandbox; nothing can be mounted there");
        if (found is not null)
        {
            if (found.IsDirectory != isDirectory)
                throw new SandboxException($"cannot mount at {path}: the image has a {found.Kind} at {real} where a {(isDirectory ? "directory" : "file")} is needed");
            return real;
        }
        MakeParents(real);
        if (!isDirectory)
            _extra.WriteFile(real, [], 0x1A4);
        else
            Make(real);
        return real;
    }

    private void MakeParents(string real)
    {
        for (var slash = real.IndexOf('/', 1); slash > 0; slash = real.IndexOf('/', slash + 1))
        {
            var parent = real[..slash];
            if (_extra.Stat(parent, followLinks: false) is not null)
                continue;
            // The topmost layer that has a directory decides how it looks, so ours must look like the image's.
            if (image.Stat(parent, followLinks: false) is { } existing)
            {
                _extra.CreateDirectory(parent, existing.Mode, existing.Owner);
                foreach (var (name, value) in image.GetXattrs(parent) ?? new Dictionary<string, byte[]>())
                {
                    if (!name.StartsWith("trusted.overlay.", StringComparison.Ordinal) && !name.StartsWith("user.overlay.", StringComparison.Ordinal))
                        _extra.SetXattr(parent, name, value);
                }
            }
            else
            {
                Make(parent);
            }
        }
    }

    private void Make(string path)
    {
        _extra.CreateDirectory(path, 0x1ED, new Owner(0, 0));
        MadeDirectories.Add(path);
    }

    /// <summary>Follows links as the kernel would after a chroot, also into what does not exist yet.</summary>
    private string Resolve(string path, out FileEntry? found)
    {
        var done = "";
        var links = 0;
        var pending = new Stack<string>(Parts(path));
        found = image.Stat("/");
        while (pending.TryPop(out var part))
        {
            if (part == "..")
            {
                done = done.Length == 0 ? "" : done[..done.LastIndexOf('/')];
                continue;
            }
            var next = $"{done}/{part}";
            found = _extra.Stat(next, followLinks: false) ?? image.Stat(next, followLinks: false);
            if (found is { Kind: FileKind.SymbolicLink })
            {
                if (++links > MaxLinks)
                    throw new SandboxException($"cannot mount at {path}: the image has too many links on the way (a loop at {next}?)");
                foreach (var target in Parts(found.LinkTarget!))
                    pending.Push(target);
                done = found.LinkTarget!.StartsWith('/') ? "" : done;
                continue;
            }
            if (found is { IsDirectory: false } && pending.Count > 0)
                throw new SandboxException($"cannot mount at {path}: the image has a {found.Kind} at {next}");
            done = next;
        }
        found = done.Length == 0 ? image.Stat("/") : _extra.Stat(done, followLinks: false) ?? image.Stat(done, followLinks: false);
        return done.Length == 0 ? "/" : done;
    }

    private static IEnumerable<string> Parts(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").Reverse();
}
