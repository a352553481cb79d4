using System.Text;

namespace Grid.Dockerfiles.Context;

/// <summary>
/// Path patterns as Go's filepath.Match has them (<c>*</c>, <c>?</c>, <c>[a-z]</c>, <c>[^a]</c>, escape with a backslash; none crosses a slash), and
/// with <c>**</c> for any number of directories where ignore files allow it.
/// </summary>
/// <remarks>
/// Matched by following all possibilities at once, one character after the other: the time is pattern times path, whatever a tenant writes.
/// Not a <c>Regex</c>, whose linear engine takes a millisecond to set up; an ignore file has a hundred patterns.
/// </remarks>
internal sealed class PathPattern
{
    private const int MaxLength = 4096;
    private readonly List<Token> _tokens;

    private PathPattern(List<Token> tokens) => _tokens = tokens;

    private enum Kind
    {
        Literal = 0,
        OneCharacter = 1,
        Class = 2,

        /// <summary>Any characters but slashes.</summary>
        Star = 3,

        /// <summary>Any characters at all.</summary>
        Everything = 4,

        /// <summary>Nothing, or directories with their slash; always followed by <see cref="InDirectories"/>.</summary>
        Directories = 5,
        InDirectories = 6,
    }

    private readonly record struct Token(Kind Kind, char Character = '\0', bool Negated = false, string Ranges = "")
    {
        public bool Takes(char c) => Kind switch
        {
            Kind.Literal => c == Character,
            Kind.OneCharacter => c != '/',
            _ => c != '/' && InRanges(c) != Negated,
        };

        private bool InRanges(char c)
        {
            for (var i = 0; i < Ranges.Length; i += 2)
            {
                if (c >= Ranges[i] && c <= Ranges[i + 1])
                    return true;
            }
            return false;
        }
    }

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

    /// <summary>Whether the whole path matches.</summary>
    public bool IsMatch(string path) => Match(path, parents: false);

    /// <summary>Whether the path or a directory above it matches.</summary>
    public bool IsMatchOrParent(string path) => Match(path, parents: true);

    private bool Match(string path, bool parents)
    {
        var current = new bool[_tokens.Count + 1];
        var next = new bool[_tokens.Count + 1];
        Enter(current, 0);
        foreach (var c in path)
        {
            if (parents && c == '/' && current[^1])
                return true;
            var alive = false;
            for (var i = 0; i < _tokens.Count; i++)
            {
                if (current[i])
                    alive |= Step(next, i, c);
            }
            if (!alive)
                return false;
            (current, next) = (next, current);
            Array.Clear(next);
        }
        return current[^1];
    }

    // Where the pattern can be after it took a character at position i.
    private bool Step(bool[] next, int i, char c)
    {
        switch (_tokens[i].Kind)
        {
            case Kind.Star when c == '/':
                return false;
            case Kind.Star or Kind.Everything:
                Enter(next, i);
                return true;
            case Kind.Directories or Kind.InDirectories:
                var inside = _tokens[i].Kind == Kind.Directories ? i + 1 : i;
                next[inside] = true;
                if (c == '/')
                    Enter(next, inside + 1);
                return true;
            default:
                if (!_tokens[i].Takes(c))
                    return false;
                Enter(next, i + 1);
                return true;
        }
    }

    // What can be skipped without a character is entered together with what follows it.
    private void Enter(bool[] states, int i)
    {
        while (!states[i])
        {
            states[i] = true;
            if (i == _tokens.Count || _tokens[i].Kind is not (Kind.Star or Kind.Everything or Kind.Directories))
                return;
            i += _tokens[i].Kind == Kind.Directories ? 2 : 1;
        }
    }

    private static PathPattern Compile(string pattern, bool anyDirectories)
    {
        if (pattern.Length > MaxLength)
            throw new FormatException($"a path pattern is longer than {MaxLength} characters");
        var tokens = new List<Token>();
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when anyDirectories && i + 1 < pattern.Length && pattern[i + 1] == '*':
                    i = AnyDirectories(pattern, i, tokens);
                    break;
                case '*':
                    tokens.Add(new Token(Kind.Star));
                    break;
                case '?':
                    tokens.Add(new Token(Kind.OneCharacter));
                    break;
                case '[':
                    i = Class(pattern, i, tokens);
                    break;
                case '\\':
                    if (i + 1 == pattern.Length)
                        throw Malformed(pattern);
                    tokens.Add(new Token(Kind.Literal, pattern[++i]));
                    break;
                default:
                    tokens.Add(new Token(Kind.Literal, pattern[i]));
                    break;
            }
        }
        return new PathPattern(tokens);
    }

    // "**/" is any number of directories, "**" at the end is everything below; the slash belongs to it.
    private static int AnyDirectories(string pattern, int i, List<Token> tokens)
    {
        i++;
        if (i + 1 < pattern.Length && pattern[i + 1] == '/')
            i++;
        if (i + 1 == pattern.Length)
        {
            tokens.Add(new Token(Kind.Everything));
            return i;
        }
        tokens.Add(new Token(Kind.Directories));
        tokens.Add(new Token(Kind.InDirectories));
        return i;
    }

    private static int Class(string pattern, int open, List<Token> tokens)
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
            ranges.Append(low).Append(high);
        }
        if (i >= pattern.Length)
            throw Malformed(pattern);
        tokens.Add(new Token(Kind.Class, Negated: negated, Ranges: ranges.ToString()));
        return i;
    }

    private static char Character(string pattern, ref int i)
    {
        if (pattern[i] == '\\' && ++i == pattern.Length)
            throw Malformed(pattern);
        return pattern[i++];
    }

    private static FormatException Malformed(string pattern) => new($"syntax error in pattern '{pattern}'");
}
