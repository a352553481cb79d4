namespace Grid.Launcher.Toml;

/// <summary>The characters of a document with their position.</summary>
internal sealed class TomlScanner(string text, string name)
{
    private int _at;
    private int _line = 1;

    public bool AtEnd => _at >= text.Length;

    /// <summary>The next character; zero at the end.</summary>
    public char Peek => AtEnd ? '\0' : text[_at];

    public string Where => name + ":" + _line.ToString();

    public LaunchException Error(string what) => new($"{Where}: {what}");

    /// <summary>The next character, which must exist.</summary>
    public char Take()
    {
        if (AtEnd)
            throw Error("the document ends too early");
        if (text[_at] == '\n')
            _line++;
        return text[_at++];
    }

    public bool StartsWith(string token) => string.CompareOrdinal(text, _at, token, 0, token.Length) == 0;

    /// <summary>Takes the token if it is next, after spaces.</summary>
    public bool Accept(string token)
    {
        SkipSpaces();
        if (!StartsWith(token))
            return false;
        _at += token.Length;
        return true;
    }

    public void Expect(string token)
    {
        if (!Accept(token))
            throw Error($"'{token}' is missing");
    }

    public void SkipSpaces()
    {
        while (Peek is ' ' or '\t')
            _at++;
    }

    /// <summary>Skips spaces, comments and line ends.</summary>
    public void SkipBlankLines()
    {
        while (true)
        {
            SkipSpaces();
            if (Peek == '#')
                SkipComment();
            else if (!AcceptLineEnd())
                return;
        }
    }

    /// <summary>After a header or a pair only a comment may follow on the line.</summary>
    public void ExpectLineEnd()
    {
        SkipSpaces();
        if (Peek == '#')
            SkipComment();
        if (!AtEnd && !AcceptLineEnd())
            throw Error($"'{Peek}' is not expected here");
    }

    public bool AcceptLineEnd()
    {
        if (StartsWith("\r\n"))
            _at += 2;
        else if (Peek == '\n')
            _at++;
        else
            return false;
        _line++;
        return true;
    }

    /// <summary>A bare, quoted or dotted key as its parts.</summary>
    public List<string> ReadKey()
    {
        var parts = new List<string>();
        do
        {
            SkipSpaces();
            parts.Add(Peek is '"' or '\'' ? TomlStrings.ReadSingleLine(this) : ReadBareKey());
        }
        while (Accept("."));
        return parts;
    }

    /// <summary>The characters of an unquoted value. A date may hold one space before its time.</summary>
    public string ReadScalar()
    {
        var start = _at;
        while (!AtEnd && (IsBare(Peek) || Peek is '+' or '.' or ':' || IsSpaceInDate(start)))
            _at++;
        return text[start.._at];
    }

    private bool IsSpaceInDate(int start) =>
        Peek == ' ' && _at - start == 10 && text[start + 4] == '-' && _at + 1 < text.Length && char.IsAsciiDigit(text[_at + 1]);

    private string ReadBareKey()
    {
        var start = _at;
        while (IsBare(Peek))
            _at++;
        return _at > start ? text[start.._at] : throw Error("a key is missing");
    }

    private void SkipComment()
    {
        while (!AtEnd && Peek != '\n')
            _at++;
    }

    private static bool IsBare(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '-';
}
