using Grid.Dockerfiles.Planning;

namespace Grid.Dockerfiles.Context;

/// <summary>
/// A <c>.dockerignore</c> (and the patterns of COPY <c>--exclude</c>), with the meaning of moby/patternmatcher: the last pattern that matches a path, or a
/// directory above it, decides; <c>!</c> takes back what patterns before it excluded.
/// </summary>
public sealed class IgnoreFile
{
    private const int MaxPatterns = 1000;
    private readonly List<(PathPattern Pattern, bool Exclusion)> _patterns = [];

    private IgnoreFile() { }

    /// <summary>The name of the file in the root of a context.</summary>
    public const string FileName = ".dockerignore";

    /// <summary>Whether a pattern takes back what one before it left out: then what is below a directory that is left out may still count.</summary>
    public bool TakesBack => _patterns.Exists(p => p.Exclusion);

    /// <summary>Reads the file. Throws <see cref="FormatException"/> with the line of a malformed pattern.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="fileName">How messages name it.</param>
    public static IgnoreFile Parse(string text, string fileName = FileName)
    {
        var file = new IgnoreFile();
        var number = 0;
        foreach (var raw in text.TrimStart('\uFEFF').Split('\n'))
        {
            number++;
            var line = raw.TrimEnd('\r');
            if (line.StartsWith('#'))
                continue;
            file.Add(line, $"{fileName}:{number}: ");
        }
        return file;
    }

    /// <summary>Patterns one by one, as <c>--exclude</c> gives them.</summary>
    internal static IgnoreFile Of(IEnumerable<string> patterns)
    {
        var file = new IgnoreFile();
        foreach (var pattern in patterns)
            file.Add(pattern, "");
        return file;
    }

    /// <summary>Whether the path (relative, with "/") is left out of the context.</summary>
    public bool Matches(string path)
    {
        var matched = false;
        foreach (var (pattern, exclusion) in _patterns)
        {
            // An exclusion only matters when something was matched, a pattern only when nothing was.
            if (exclusion == matched && pattern.IsMatchOrParent(path))
                matched = !exclusion;
        }
        return matched;
    }

    /// <summary>The entries that are left, with the directories above them.</summary>
    public ContextIndex Apply(ContextIndex index)
    {
        if (_patterns.Count == 0)
            return index;
        var kept = index.Entries.Where(entry => !Matches(entry.Path)).ToList();
        var needed = kept.SelectMany(entry => Parents(entry.Path)).ToHashSet(StringComparer.Ordinal);
        needed.UnionWith(kept.Select(entry => entry.Path));
        return new ContextIndex([.. index.Entries.Where(entry => needed.Contains(entry.Path))]);
    }

    private void Add(string line, string place)
    {
        var pattern = line.Trim();
        var exclusion = pattern.StartsWith('!');
        if (exclusion)
            pattern = pattern[1..].Trim();
        if (exclusion && pattern.Length == 0)
            throw new FormatException($"{place}illegal exclusion pattern: \"!\"");
        if (pattern.Length == 0)
            return;
        // "/a/./b/../c/" is "a/c".
        var cleaned = ImagePath.Normalize("/", pattern)[1..];
        if (cleaned.Length == 0)
            return;
        if (_patterns.Count == MaxPatterns)
            throw new FormatException($"{place}more than {MaxPatterns} patterns; name directories instead of files");
        try
        {
            _patterns.Add((PathPattern.Ignore(cleaned), exclusion));
        }
        catch (FormatException e)
        {
            throw new FormatException(place + e.Message, e);
        }
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (var slash = path.IndexOf('/'); slash >= 0; slash = path.IndexOf('/', slash + 1))
            yield return path[..slash];
    }
}
