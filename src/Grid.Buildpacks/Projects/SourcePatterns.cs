using System.Text;
using System.Text.RegularExpressions;

namespace Grid.Buildpacks.Projects;

/// <summary>
/// Patterns of gitignore as pack reads them in a project.toml: the last one that matches a path, or a directory above it, decides, and <c>!</c> takes
/// back. Unlike in git a pattern with a slash inside matches at any depth unless it begins with one, and files below an excluded directory can be
/// taken back.
/// </summary>
public sealed class SourcePatterns
{
    private const int MaxPatterns = 1000;
    private readonly List<(Regex Pattern, bool TakesBack)> _patterns = [];

    /// <summary>Reads patterns, one a line.</summary>
    /// <exception cref="FormatException">There are too many of them.</exception>
    public SourcePatterns(IEnumerable<string> lines)
    {
        foreach (var raw in lines)
        {
            var line = raw.TrimEnd('\r').Trim(' ');
            if (line.Length == 0 || line[0] == '#')
                continue;
            var takesBack = line[0] == '!';
            if (takesBack)
                line = line[1..];
            if (line.StartsWith("\\#", StringComparison.Ordinal) || line.StartsWith("\\!", StringComparison.Ordinal))
                line = line[1..];
            if (_patterns.Count == MaxPatterns)
                throw new FormatException($"more than {MaxPatterns} patterns; name directories instead of files");
            _patterns.Add((new Regex(Expression(line), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.Singleline), takesBack));
        }
    }

    /// <summary>Whether a pattern takes back what one before it matched: then what is below a matched directory may still count.</summary>
    public bool TakesBack => _patterns.Exists(p => p.TakesBack);

    /// <summary>Whether the path is matched.</summary>
    /// <param name="path">Relative, with "/": <c>src/a.txt</c>.</param>
    /// <param name="isDirectory">Patterns that end in "/" match directories and what is in them only.</param>
    public bool Matches(string path, bool isDirectory)
    {
        var text = isDirectory ? path + "/" : path;
        var matched = false;
        foreach (var (pattern, takesBack) in _patterns)
        {
            if (matched == takesBack && pattern.IsMatch(text))
                matched = !takesBack;
        }
        return matched;
    }

    private static string Expression(string pattern)
    {
        var expression = new StringBuilder(pattern[0] == '/' ? "^" : "^(.*/)?");
        for (var i = pattern[0] == '/' ? 1 : 0; i < pattern.Length; i++)
        {
            if (pattern.AsSpan(i).StartsWith("**/"))
            {
                expression.Append("(.*/)?");
                i += 2;
            }
            else if (pattern.AsSpan(i).SequenceEqual("/**"))
            {
                expression.Append("/.+");
                i += 2;
            }
            else if (pattern[i] == '*')
            {
                expression.Append("[^/]*");
                while (i + 1 < pattern.Length && pattern[i + 1] == '*')
                    i++;
            }
            else if (pattern[i] == '?')
            {
                expression.Append("[^/]");
            }
            else
            {
                expression.Append(Regex.Escape(pattern[i].ToString()));
            }
        }
        return expression.Append(pattern.EndsWith('/') ? ".*$" : "(/.*)?$").ToString();
    }
}
