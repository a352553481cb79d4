using System.Text;
using System.Text.RegularExpressions;

namespace Grid.Dockerfiles.Expansion;

/// <summary>
/// The patterns of <c>${v#p}</c>, <c>${v%p}</c> and <c>${v/p/r}</c>: <c>*</c>, <c>?</c> and an escape with a backslash. Matching is linear
/// (no backtracking), so that a tenant's pattern cannot stop a silo.
/// </summary>
internal static class ShellPattern
{
    private const int MaxPatternLength = 1024;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    public static string TrimStart(string value, string pattern, bool longest) => Guard(() =>
    {
        var match = Compile(@"\A" + Translate(pattern, longest)).Match(value);
        return match.Success ? value[match.Length..] : value;
    });

    // The shortest suffix is the shortest prefix of the reversed text.
    public static string TrimEnd(string value, string pattern, bool longest) => Guard(() =>
    {
        var match = Compile(@"\A" + string.Concat(Tokens(pattern, longest).Reverse())).Match(Reverse(value));
        return match.Success ? value[..^match.Length] : value;
    });

    public static string Replace(string value, string pattern, string replacement, bool all) => Guard(() =>
    {
        if (pattern.Length == 0)
            return value;
        return Compile(Translate(pattern, longest: true)).Replace(value, _ => Unescape(replacement), all ? -1 : 1);
    });

    private static string Guard(Func<string> match)
    {
        try
        {
            return match();
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new FormatException("pattern of a substitution takes too long to match", e);
        }
        catch (NotSupportedException e)
        {
            throw new FormatException("pattern of a substitution is too complex", e);
        }
    }

    private static Regex Compile(string pattern) =>
        new(pattern, RegexOptions.NonBacktracking | RegexOptions.Singleline | RegexOptions.CultureInvariant, Timeout);

    private static string Translate(string pattern, bool longest) => string.Concat(Tokens(pattern, longest));

    private static IEnumerable<string> Tokens(string pattern, bool longest)
    {
        if (pattern.Length > MaxPatternLength)
            throw new FormatException($"pattern of a substitution is longer than {MaxPatternLength} characters");
        for (var i = 0; i < pattern.Length; i++)
        {
            yield return pattern[i] switch
            {
                '*' => longest ? ".*" : ".*?",
                '?' => @"(?:[\uD800-\uDFFF]{2}|.)",
                '\\' when i + 1 < pattern.Length => Regex.Escape(pattern[++i].ToString()),
                var c => Regex.Escape(c.ToString()),
            };
        }
    }

    private static string Reverse(string text)
    {
        var characters = text.ToCharArray();
        Array.Reverse(characters);
        return new string(characters);
    }

    private static string Unescape(string replacement)
    {
        if (!replacement.Contains('\\'))
            return replacement;
        var text = new StringBuilder();
        for (var i = 0; i < replacement.Length; i++)
            text.Append(replacement[i] == '\\' && i + 1 < replacement.Length ? replacement[++i] : replacement[i]);
        return text.ToString();
    }
}
