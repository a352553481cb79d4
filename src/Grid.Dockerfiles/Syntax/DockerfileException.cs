namespace Grid.Dockerfiles.Syntax;

/// <summary>
/// A Dockerfile cannot be used. The message is <c>file:line:column: what; what to do</c>; nothing else is ever thrown for bad text.
/// </summary>
public sealed class DockerfileException : Exception
{
    /// <summary>Names a place, what is wrong there, and what the author can do.</summary>
    public DockerfileException(string fileName, int line, int column, string what, string advice)
        : base($"{fileName}:{line}:{column}: {what}{(advice.Length == 0 ? "" : "; " + advice)}")
    {
        FileName = fileName;
        Line = line;
        Column = column;
        What = what;
        Advice = advice;
    }

    public string FileName { get; }

    /// <summary>1-based.</summary>
    public int Line { get; }

    /// <summary>1-based.</summary>
    public int Column { get; }

    /// <summary>What is wrong, in the reference lifecycle's words where it has some ("build.Dockerfile did not start with required ARG command").</summary>
    public string What { get; }

    /// <summary>What to do about it.</summary>
    public string Advice { get; }
}
