namespace Grid.Dockerfiles.Syntax;

/// <summary>An instruction's line with its continuation lines joined, and where each piece of it came from.</summary>
internal sealed class LogicalLine(string text, int startLine, int startColumn, IReadOnlyList<LogicalLine.Piece> pieces)
{
    public string Text => text;

    public int StartLine => startLine;

    public int StartColumn => startColumn;

    /// <summary>The line and column, both from 1, of a character of <see cref="Text"/>.</summary>
    public (int Line, int Column) At(int offset)
    {
        var (low, high) = (0, pieces.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (pieces[middle].Offset <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        var piece = pieces[low];
        return (piece.Line, piece.Column + offset - piece.Offset);
    }

    /// <summary>Part of a physical line: its offset in the joined text, and its place in the file.</summary>
    public readonly record struct Piece(int Offset, int Line, int Column);
}
