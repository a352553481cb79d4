using System.Text;

namespace Grid.Dockerfiles.Syntax;

/// <summary>Splits a file into physical lines and joins those that continue, as BuildKit's parser does.</summary>
internal sealed class LogicalLineReader
{
    private readonly string _text;
    private readonly string _fileName;
    private int _position;

    public LogicalLineReader(string text, string fileName)
    {
        _text = text;
        _fileName = fileName;
        if (text.StartsWith('\uFEFF'))
            _position = 1;
    }

    /// <summary>Number of the physical line read last; 0 before the first.</summary>
    public int LineNumber { get; private set; }

    /// <summary>The next physical line without its line end, or null at the end of the file; nothing is consumed.</summary>
    public string? PeekPhysical()
    {
        var before = (_position, LineNumber);
        var line = ReadPhysical();
        (_position, LineNumber) = before;
        return line?.TrimEnd('\r', '\n');
    }

    public void SkipPhysical() => ReadPhysical();

    /// <summary>The next instruction's line, or null at the end of the file.</summary>
    public LogicalLine? Next(char escape)
    {
        while (ReadPhysical() is { } raw)
        {
            var line = raw.TrimEnd('\r', '\n');
            var trimmed = line.TrimStart();
            if (trimmed.Length == 0 || trimmed[0] == '#')
                continue;
            var (content, continues) = CutContinuation(trimmed, escape);
            if (content.Length == 0 && !continues)
                continue;
            var joined = Join(content, continues, line.Length - trimmed.Length + 1, escape);
            if (joined.Text.AsSpan().Trim().Length > 0)
                return joined;
        }
        return null;
    }

    /// <summary>The lines of a here-document up to the one that is its name.</summary>
    public string ReadHeredoc(string name, bool chomp, int startLine)
    {
        var body = new StringBuilder();
        while (ReadPhysical() is { } line)
        {
            var candidate = line.TrimEnd('\r', '\n');
            if ((chomp ? candidate.TrimStart('\t') : candidate) == name)
                return body.ToString();
            body.Append(line);
        }
        throw new DockerfileException(_fileName, startLine, 1, "unterminated heredoc", $"end it with a line that is only {name}");
    }

    private LogicalLine Join(string first, bool continues, int column, char escape)
    {
        var startLine = LineNumber;
        var text = new StringBuilder(first);
        var pieces = new List<LogicalLine.Piece> { new(0, startLine, column) };
        while (continues && ReadPhysical() is { } raw)
        {
            var line = raw.TrimEnd('\r', '\n');
            var trimmed = line.AsSpan().TrimStart();
            // Comments and empty lines inside a continued instruction are dropped; the instruction goes on after them.
            if (trimmed.Length == 0 || trimmed[0] == '#')
                continue;
            (var content, continues) = CutContinuation(line, escape);
            pieces.Add(new LogicalLine.Piece(text.Length, LineNumber, 1));
            text.Append(content);
        }
        return new LogicalLine(text.ToString(), startLine, column, pieces);
    }

    // An escape at the end of the line (blanks may follow it) continues the line, unless it is itself escaped.
    private static (string Content, bool Continues) CutContinuation(string line, char escape)
    {
        var end = line.AsSpan().TrimEnd([' ', '\t']).Length;
        if (end == 0 || line[end - 1] != escape || (end > 1 && line[end - 2] == escape))
            return (line, false);
        return (line[..(end - 1)], true);
    }

    private string? ReadPhysical()
    {
        if (_position >= _text.Length)
            return null;
        var feed = _text.IndexOf('\n', _position);
        var end = feed < 0 ? _text.Length : feed + 1;
        var line = _text[_position..end];
        _position = end;
        LineNumber++;
        return line;
    }
}
