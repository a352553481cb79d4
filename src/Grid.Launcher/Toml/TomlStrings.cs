using System.Text;

namespace Grid.Launcher.Toml;

/// <summary>Reads the four kinds of strings.</summary>
internal static class TomlStrings
{
    public static string Read(TomlScanner scanner)
    {
        if (scanner.StartsWith("\"\"\""))
            return ReadMultiLine(scanner, '"');
        return scanner.StartsWith("'''") ? ReadMultiLine(scanner, '\'') : ReadSingleLine(scanner);
    }

    public static string ReadSingleLine(TomlScanner scanner)
    {
        var quote = scanner.Take();
        var value = new StringBuilder();
        while (true)
        {
            var c = scanner.Take();
            if (c == quote)
                return value.ToString();
            if (c is '\n' or '\r')
                throw scanner.Error("a string does not end on its line");
            if (c == '\\' && quote == '"')
                ReadEscape(scanner, value);
            else
                value.Append(c);
        }
    }

    private static string ReadMultiLine(TomlScanner scanner, char quote)
    {
        var end = new string(quote, 3);
        scanner.Expect(end);
        scanner.AcceptLineEnd();
        var value = new StringBuilder();
        while (!scanner.StartsWith(end) || scanner.StartsWith(end + quote))
        {
            var c = scanner.Take();
            if (c != '\\' || quote != '"')
                value.Append(c);
            else if (!SkipFoldedLine(scanner))
                ReadEscape(scanner, value);
        }
        scanner.Expect(end);
        return value.ToString();
    }

    /// <summary>A backslash at a line's end takes the line end and all space after it away.</summary>
    private static bool SkipFoldedLine(TomlScanner scanner)
    {
        if (scanner.Peek is not (' ' or '\t' or '\r' or '\n'))
            return false;
        scanner.SkipSpaces();
        if (!scanner.AcceptLineEnd())
            throw scanner.Error("a backslash stands before a space");
        do
            scanner.SkipSpaces();
        while (scanner.AcceptLineEnd());
        return true;
    }

    private static void ReadEscape(TomlScanner scanner, StringBuilder value)
    {
        var c = scanner.Take();
        switch (c)
        {
            case 'b': value.Append('\b'); break;
            case 't': value.Append('\t'); break;
            case 'n': value.Append('\n'); break;
            case 'f': value.Append('\f'); break;
            case 'r': value.Append('\r'); break;
            case '"' or '\\': value.Append(c); break;
            case 'u': AppendCodePoint(scanner, value, 4); break;
            case 'U': AppendCodePoint(scanner, value, 8); break;
            default: throw scanner.Error($"'\\{c}' is not an escape");
        }
    }

    /// <summary>Appends the bytes of the code point's UTF-8 form, one char each.</summary>
    private static void AppendCodePoint(TomlScanner scanner, StringBuilder value, int digits)
    {
        long code = 0;
        for (var i = 0; i < digits; i++)
        {
            var c = scanner.Take();
            code = char.IsAsciiHexDigit(c) ? code * 16 + Convert.ToInt32(c.ToString(), 16) : throw scanner.Error($"'{c}' is not a hexadecimal digit");
        }
        if (code > int.MaxValue || !Rune.IsValid((int)code))
            throw scanner.Error("an escape is not a Unicode character");
        Span<byte> bytes = stackalloc byte[4];
        var count = new Rune((int)code).EncodeToUtf8(bytes);
        foreach (var b in bytes[..count])
            value.Append((char)b);
    }
}
