using Grid.Buildpacks.Launch;

namespace Grid.Buildpacks.Export;

/// <summary>
/// Says which layer a file of the app goes to (buildpack.md §Slices). A path belongs to the first slice with a glob that matches it or a directory
/// above it; what no slice wants is the remainder.
/// </summary>
public sealed class AppSlices
{
    private readonly string[][][] _slices;

    /// <summary>Reads the slices' globs.</summary>
    /// <exception cref="FormatException">A glob is broken.</exception>
    public AppSlices(IReadOnlyList<LaunchSlice> slices)
    {
        foreach (var glob in slices.SelectMany(slice => slice.Paths))
            PathGlob.Check(glob);
        _slices = [.. slices.Select(slice => slice.Paths.Select(Parts).Where(parts => parts is not null).ToArray())!];
    }

    /// <summary>How many layers the app becomes: one for each slice and one for the remainder.</summary>
    public int Count => _slices.Length + 1;

    /// <summary>The slice of a path relative to the app directory (<c>static/a.css</c>; empty for the directory itself), from 0.</summary>
    public int IndexOf(string relativePath)
    {
        var path = relativePath.Length == 0 ? [] : relativePath.Split('/');
        var index = Array.FindIndex(_slices, globs => Array.Exists(globs, glob => Matches(glob, path)));
        return index < 0 ? _slices.Length : index;
    }

    private static bool Matches(string[] glob, string[] path)
    {
        if (glob.Length > path.Length)
            return false;
        for (var i = 0; i < glob.Length; i++)
        {
            if (!PathGlob.MatchPart(glob[i], path[i]))
                return false;
        }
        return true;
    }

    // As Go's path cleaning does it; null for a glob that leaves the app directory and so matches nothing of it.
    private static string[]? Parts(string glob)
    {
        var parts = new List<string>();
        foreach (var part in glob.Split('/'))
        {
            if (part is "" or ".")
                continue;
            if (part != "..")
                parts.Add(part);
            else if (parts.Count == 0)
                return null;
            else
                parts.RemoveAt(parts.Count - 1);
        }
        return [.. parts];
    }
}
