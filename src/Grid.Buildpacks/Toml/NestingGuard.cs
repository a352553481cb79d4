namespace Grid.Buildpacks.Toml;

/// <summary>
/// Refuses documents that nest deeper than any honest file does before the parser sees them: it recurses, and takes quadratic time on long dotted
/// keys, so that one hostile file would end or stall the whole worker. Strings and comments are skipped.
/// </summary>
internal static class NestingGuard
{
    public static void Check(string text, string fileName)
    {
        int depth = 0, dots = 0, line = 1, lineStart = 0;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\n':
                    (line, lineStart, dots) = (line + 1, i + 1, 0);
                    break;
                case '#':
                    i = SkipComment(text, i);
                    break;
                case '"' or '\'':
                    i = SkipString(text, i, ref line, ref lineStart);
                    break;
                case '[' or '{':
                    depth++;
                    break;
                case ']' or '}':
                    depth = Math.Max(0, depth - 1);
                    break;
                case '.':
                    dots++;
                    break;
                case ',' or '=':
                    dots = 0;
                    break;
            }
            if (depth > TomlFile.MaxDepth || dots > TomlFile.MaxDepth)
                throw new TomlFormatException(fileName, line, i - lineStart + 1, $"nested deeper than {TomlFile.MaxDepth} levels");
        }
    }

    private static int SkipComment(string text, int from)
    {
        var end = text.IndexOf('\n', from);
        return (end < 0 ? text.Length : end) - 1;
    }

    /// <summary>The index of the string's last quote; of the end of the line when it is not closed, which the parser then reports.</summary>
    private static int SkipString(string text, int start, ref int line, ref int lineStart)
    {
        var quote = text[start];
        var multiLine = start + 2 < text.Length && text[start + 1] == quote && text[start + 2] == quote;
        for (var i = start + (multiLine ? 3 : 1); i < text.Length; i++)
        {
            if (text[i] == '\n')
            {
                if (!multiLine)
                    return i - 1;
                (line, lineStart) = (line + 1, i + 1);
            }
            else if (text[i] == '\\' && quote == '"' && i + 1 < text.Length && text[i + 1] != '\n')
            {
                i++;
            }
            else if (text[i] == quote)
            {
                if (!multiLine)
                    return i;
                if (i + 2 < text.Length && text[i + 1] == quote && text[i + 2] == quote)
                    return LastQuote(text, i, quote);
            }
        }
        return text.Length;
    }

    /// <summary>Up to two quotes may stand right before the three that end a multi-line string.</summary>
    private static int LastQuote(string text, int at, char quote)
    {
        var end = at + 2;
        while (end + 1 < text.Length && end < at + 4 && text[end + 1] == quote)
            end++;
        return end;
    }
}
