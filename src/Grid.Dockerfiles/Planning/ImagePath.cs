namespace Grid.Dockerfiles.Planning;

/// <summary>Paths inside an image: always Linux, always absolute, never above the root.</summary>
internal static class ImagePath
{
    /// <summary>The path seen from a directory, without <c>.</c>, <c>..</c>, doubled and trailing slashes.</summary>
    public static string Normalize(string directory, string path)
    {
        var parts = new List<string>();
        foreach (var part in (path.StartsWith('/') ? path : directory + "/" + path).Split('/'))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else if (part is not ("" or "." or ".."))
                parts.Add(part);
        }
        return "/" + string.Join('/', parts);
    }

    /// <summary>Whether a path as written can only mean a directory.</summary>
    public static bool MeansDirectory(string path) => path is "" or "." or ".." || path.EndsWith('/') || path.EndsWith("/.", StringComparison.Ordinal) || path.EndsWith("/..", StringComparison.Ordinal);

    /// <summary>The last part of a path.</summary>
    public static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>Joins without doubling the slash.</summary>
    public static string Join(string directory, string name) => name.Length == 0 ? directory : directory.EndsWith('/') ? directory + name : directory + "/" + name;
}
