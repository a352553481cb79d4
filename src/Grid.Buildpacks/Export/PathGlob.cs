namespace Grid.Buildpacks.Export;

/// <summary>
/// Go's <c>filepath.Match</c>, which slices are defined by: <c>*</c> and <c>?</c> do not cross "/", <c>[a-z]</c> and <c>[^a-z]</c> are classes, a backslash
/// takes the next character as it is. <c>**</c> is just two stars.
/// </summary>
public static class PathGlob
{
    /// <summary>Whether one path part (no "/") matches one pattern part.</summary>
    /// <exception cref="FormatException">The pattern is broken: an unclosed class, a backslash at the end.</exception>
    public static bool MatchPart(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        // The last star seen and what it has swallowed so far: on a mismatch it swallows one more.
        int p = 0, n = 0, star = -1, swallowed = 0;
        while (n < name.Length || p < pattern.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                swallowed = n;
                continue;
            }
            if (n < name.Length && p < pattern.Length && MatchOne(pattern, ref p, Character(name, n, out var length)))
            {
                n += length;
                continue;
            }
            if (star < 0 || swallowed >= name.Length)
                return false;
            p = star + 1;
            Character(name, swallowed, out length);
            n = swallowed += length;
        }
        return true;
    }

    /// <summary>Throws when a pattern is broken, wherever the fault is (a match may never get there).</summary>
    /// <exception cref="FormatException">Says what is wrong.</exception>
    public static void Check(string pattern)
    {
        var p = 0;
        while (p < pattern.Length)
        {
            if (pattern[p] is '*' or '/')
                p++;
            else
                MatchOne(pattern, ref p, 'x');
        }
    }

    // Moves p behind the element only when it matches, or always past classes' syntax when checking: both want the same position.
    private static bool MatchOne(ReadOnlySpan<char> pattern, ref int p, int c)
    {
        switch (pattern[p])
        {
            case '?':
                p++;
                return true;
            case '[':
                return MatchClass(pattern, ref p, c);
            default:
                return Literal(pattern, ref p) == c;
        }
    }

    private static bool MatchClass(ReadOnlySpan<char> pattern, ref int p, int c)
    {
        p++;
        var negated = p < pattern.Length && pattern[p] == '^';
        if (negated)
            p++;
        var found = false;
        for (var first = true; first || Current(pattern, p) != ']'; first = false)
        {
            if (Current(pattern, p) is ']' or '-')
                throw Broken(pattern);
            var low = Literal(pattern, ref p);
            var high = low;
            if (Current(pattern, p) == '-')
            {
                p++;
                if (Current(pattern, p) is ']' or '-')
                    throw Broken(pattern);
                high = Literal(pattern, ref p);
            }
            found |= low <= c && c <= high;
        }
        p++;
        return found != negated;
    }

    private static int Literal(ReadOnlySpan<char> pattern, ref int p)
    {
        if (Current(pattern, p) == '\\')
            p++;
        Current(pattern, p);
        var literal = Character(pattern, p, out var length);
        p += length;
        return literal;
    }

    // A code point, as Go's runes; half a surrogate pair (a byte that is not UTF-8) counts as itself.
    private static int Character(ReadOnlySpan<char> text, int at, out int length)
    {
        var isPair = at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]);
        length = isPair ? 2 : 1;
        return isPair ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at];
    }

    private static char Current(ReadOnlySpan<char> pattern, int p) => p < pattern.Length ? pattern[p] : throw Broken(pattern);

    private static FormatException Broken(ReadOnlySpan<char> pattern) =>
        new($"'{pattern}' is not a glob: a class must be closed and must not be empty, and a backslash needs a character behind it");
}
