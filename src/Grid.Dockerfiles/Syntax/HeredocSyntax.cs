using System.Text;

namespace Grid.Dockerfiles.Syntax;

/// <summary>Finds the <c>&lt;&lt;NAME</c> words of a line.</summary>
internal static class HeredocSyntax
{
    /// <summary>What a word opens.</summary>
    public readonly record struct Opening(string Name, bool Expand, bool Chomp);

    /// <summary>The openings of a line in order; throws <see cref="FormatException"/> for quotes that do not end.</summary>
    public static List<Opening> Find(string line)
    {
        var openings = new List<Opening>();
        foreach (var word in RawWords(line))
        {
            if (Read(word) is { } opening)
                openings.Add(opening);
        }
        return openings;
    }

    /// <summary>What this word opens, or null when it is no here-document: <c>[digits]&lt;&lt;[-]NAME</c>.</summary>
    public static Opening? Read(string word)
    {
        var start = 0;
        while (start < word.Length && char.IsAsciiDigit(word[start]))
            start++;
        if (!word.AsSpan(start).StartsWith("<<", StringComparison.Ordinal))
            return null;
        start += 2;
        var chomp = start < word.Length && word[start] == '-';
        var rest = word[(chomp ? start + 1 : start)..].Trim();
        if (rest.Length == 0 || rest.Contains('<'))
            return null;
        if (Unquote(rest) is not { Length: > 0 } name || name.Contains('\n'))
            return null;
        return new Opening(name, name == rest, chomp);
    }

    // Words as the shell sees them, with quotes and escapes left in; blanks between "<<" and its name belong to the word.
    private static List<string> RawWords(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (char.IsWhiteSpace(c))
            {
                if (!EndsWithOpening(word))
                    Flush(words, word);
                continue;
            }
            word.Append(c);
            if (c == '\\' && i + 1 < line.Length)
                word.Append(line[++i]);
            else if (c is '\'' or '"')
                i = CopyQuoted(line, i, word);
        }
        Flush(words, word);
        return words;
    }

    private static bool EndsWithOpening(StringBuilder word) =>
        word.Length >= 2 && word[^1] == '<' && word[^2] == '<' && (word.Length == 2 || word[^3] != '<');

    private static int CopyQuoted(string line, int open, StringBuilder word)
    {
        var quote = line[open];
        for (var i = open + 1; i < line.Length; i++)
        {
            word.Append(line[i]);
            if (line[i] == quote)
                return i;
            if (line[i] == '\\' && quote == '"' && i + 1 < line.Length)
                word.Append(line[++i]);
        }
        throw new FormatException($"unexpected end of statement while looking for matching {(quote == '"' ? "double" : "single")}-quote");
    }

    // Null when it is more than one word.
    private static string? Unquote(string word)
    {
        var name = new StringBuilder();
        var quote = '\0';
        for (var i = 0; i < word.Length; i++)
        {
            var c = word[i];
            if (quote == '\0' && c is '\'' or '"')
                quote = c;
            else if (c == quote && quote != '\0')
                quote = '\0';
            else if (quote == '\0' && char.IsWhiteSpace(c))
                return null;
            else if (c == '\\' && quote != '\'' && i + 1 < word.Length)
                name.Append(word[++i]);
            else
                name.Append(c);
        }
        return name.ToString();
    }

    private static void Flush(List<string> words, StringBuilder word)
    {
        if (word.Length > 0)
            words.Add(word.ToString());
        word.Clear();
    }
}
