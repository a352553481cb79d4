namespace Grid.Dockerfiles.Syntax;

/// <summary>Where something stands in a Dockerfile. Lines and columns count from 1; columns are UTF-16 units of the line.</summary>
/// <param name="Line">First line.</param>
/// <param name="Column">Column of the first character on that line.</param>
/// <param name="EndLine">Last line, continuation lines and heredoc bodies included.</param>
public readonly record struct SourceSpan(int Line, int Column, int EndLine);
