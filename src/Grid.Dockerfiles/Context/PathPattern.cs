using System.Text;
using System.Text.RegularExpressions;

namespace Grid.Dockerfiles.Context;

/// <summary>
/// Path patterns as Go's filepath.Match has them (<c>*</c>, <c>?</c>, <c>[a-z]</c>, <c>[^a]</c>, escape with a backslash; none crosses a slash), and
/// with <c>**</c> for any number of directories where ignore files allow it. Linear to match, whatever the pattern.
/// </summary>
internal sealed class PathPattern
{
    private const int MaxLength = 4096;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private readonly Regex _regex;

    private PathPattern(string regex) =>
        _regex = new Regex(regex, RegexOptions.NonBacktracking | RegexOptions.Singleline | RegexOptions.CultureInvariant, Timeout);

    /// <summary>Whether the text has anything that is not literal.</summary>
    public static bool HasWildcards(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] is '*' or '?' or '[')
                return true;
        }
        return false;
    }

    /// <summary>The literal text of a pattern without wildcards.</summary>
    public static string Unescape(string text)
    {
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
            literal.Append(text[i] == '\\' && i + 1 < text.Length ? text[++i] : text[i]);
        return literal.ToString();
    }

    /// <summary>A pattern of COPY, for a whole relative path. Throws <see cref="FormatException"/> for one that is malformed.</summary>
    public static PathPattern Glob(string pattern) => Compile(pattern, anyDirectories: false);

    /// <summary>A pattern of an ignore file.</summary>
    public static PathPattern Ignore(string pattern) => Compile(pattern, anyDirectories: true);

    public bool IsMatch(string path)
    {
        try
        {
            return _regex.IsMatch(path);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new FormatException("a path pattern takes too long to match", e);
        }
    }

    private static PathPattern Compile(string pattern, bool anyDirectories)
    {
        if (pattern.Length > MaxLength)
            throw new FormatException($"a path pattern is longer than {MaxLength} characters");
        var regex = new StringBuilder(@"\A");
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when anyDirectories && i + 1 < pattern.Length && pattern[i + 1] == '*':
                    i = AnyDirectories(pattern, i, regex);
                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append("[^/]");
                    break;
                case '[':
                    i = Class(pattern, i, regex);
                    break;
                case '\\':
                    if (i + 1 == pattern.Length)
                        throw Malformed(pattern);
                    regex.Append(Literal(pattern[++i]));
                    break;
                default:
                    regex.Append(Literal(pattern[i]));
                    break;
            }
        }
        try
        {
            return new PathPattern(regex.Append(@"\z").ToString());
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new FormatException($"syntax error in pattern '{pattern}'", e);
        }
    }

    // "**/" is any number of directories, "**" at the end is everything below; the slash belongs to it.
    private static int AnyDirectories(string pattern, int i, StringBuilder regex)
    {
        i++;
        if (i + 1 < pattern.Length && pattern[i + 1] == '/')
            i++;
        regex.Append(i + 1 == pattern.Length ? ".*" : "(?:.*/)?");
        return i;
    }

    private static int Class(string pattern, int open, StringBuilder regex)
    {
        var i = open + 1;
        var negated = i < pattern.Length && pattern[i] == '^';
        if (negated)
            i++;
        var ranges = new StringBuilder();
        while (i < pattern.Length && (pattern[i] != ']' || ranges.Length == 0))
        {
            var low = Character(pattern, ref i);
            var high = low;
            if (i + 1 < pattern.Length && pattern[i] == '-' && pattern[i + 1] != ']')
            {
                i++;
                high = Character(pattern, ref i);
            }
            if (high < low)
                throw Malformed(pattern);
            ranges.Append(Code(low)).Append('-').Append(Code(high));
        }
        if (i >= pattern.Length)
            throw Malformed(pattern);
        // A class never matches the slash.
        regex.Append("(?:[").Append(negated ? "^/" : "").Append(ranges).Append("])");
        return i;
    }

    private static char Character(string pattern, ref int i)
    {
        if (pattern[i] == '\\' && ++i == pattern.Length)
            throw Malformed(pattern);
        return pattern[i++];
    }

    private static string Literal(char c) => char.IsAsciiLetterOrDigit(c) || c is '/' or '_' ? c.ToString() : Code(c);

    private static string Code(char c) => $"\\u{(int)c:X4}";

    private static FormatException Malformed(string pattern) => new($"syntax error in pattern '{pattern}'");
}
