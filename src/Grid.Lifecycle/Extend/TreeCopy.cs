using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Extend;

/// <summary>Copies files, directories and links from one tree into another; modes are kept, everything belongs to root.</summary>
internal static class TreeCopy
{
    public static void Copy(IFileTree source, string path, IFileTree target, string to, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entry = source.Stat(path, followLinks: false) ?? throw new FileNotFoundException($"{path} is gone");
        switch (entry.Kind)
        {
            case FileKind.Directory:
                target.CreateDirectory(to, entry.Mode, default(Owner));
                foreach (var below in source.List(path))
                    Copy(source, $"{path.TrimEnd('/')}/{below.Name}", target, $"{to}/{below.Name}", cancellationToken);
                break;
            case FileKind.SymbolicLink:
                target.CreateSymbolicLink(to, entry.LinkTarget!, default(Owner));
                break;
            default:
                using (var input = source.OpenRead(path))
                using (var output = target.CreateFile(to, entry.Mode, default(Owner)))
                    input.CopyTo(output);
                break;
        }
    }
}
