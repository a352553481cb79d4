namespace Grid.Oci.Layers;

/// <summary>Names of tar entries on their way to a disk.</summary>
internal static class EntryPath
{
    internal const string WhiteoutPrefix = ".wh.";
    internal const string OpaqueWhiteout = ".wh..wh..opq";

    /// <summary>
    /// The parts of a name. A leading "/" means the root of the tree, "." nothing; ".." is refused, because nobody needs it and every way
    /// to interpret it has been an exploit.
    /// </summary>
    internal static string[] Split(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        foreach (var part in parts)
        {
            if (part == "..")
                throw new InvalidDataException($"bad layer: the name '{path}' holds '..'");
            if (part.Contains('\0', StringComparison.Ordinal))
                throw new InvalidDataException($"bad layer: the name '{path}' holds a zero byte");
        }
        return parts.Contains(".") ? [.. parts.Where(p => p != ".")] : parts;
    }
}
