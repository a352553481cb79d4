using Grid.Oci;

namespace Grid.Dockerfiles.Context;

/// <summary>What an entry of a build context is. Devices, sockets and fifos are never part of a context.</summary>
public enum ContextEntryType
{
    File = 0,
    Directory = 1,
    SymbolicLink = 2,
}

/// <summary>A file, directory or link of a build context.</summary>
/// <param name="Path">Relative to the context's root, with "/", without "." and ".."; bytes that are not UTF-8 as in <c>BytePath</c>.</param>
/// <param name="Type">What it is.</param>
/// <param name="Mode">Permission bits with setuid, setgid, sticky.</param>
/// <param name="Size">Bytes of a file; 0 for others.</param>
/// <param name="Digest">Of a file's bytes; empty for others.</param>
/// <param name="LinkTarget">Of a link, as written; null for others.</param>
public sealed record ContextEntry(string Path, ContextEntryType Type, int Mode, long Size = 0, Digest Digest = default, string? LinkTarget = null);

/// <summary>Everything in a build context by name and digest, sorted by path (ordinal). Made by whoever has the files; small enough to send.</summary>
public sealed record ContextIndex(IReadOnlyList<ContextEntry> Entries)
{
    /// <summary>A context with nothing in it.</summary>
    public static readonly ContextIndex Empty = new([]);

    /// <summary>Sorts and checks entries; throws <see cref="FormatException"/> for a path that stands twice or leads out of the context.</summary>
    public static ContextIndex Create(IEnumerable<ContextEntry> entries)
    {
        var sorted = entries.OrderBy(entry => entry.Path, StringComparer.Ordinal).ToArray();
        for (var i = 0; i < sorted.Length; i++)
        {
            var path = sorted[i].Path;
            if (path.Length == 0 || path.Contains('\0') || path.Split('/').Any(part => part is "" or "." or ".."))
                throw new FormatException($"'{path}' is not a relative path of a build context");
            if (i > 0 && sorted[i - 1].Path == path)
                throw new FormatException($"'{path}' stands twice in the build context");
        }
        return new ContextIndex(sorted);
    }
}
