namespace Grid.Dockerfiles.Syntax;

/// <summary>A parsed Dockerfile.</summary>
/// <param name="FileName">As given to <see cref="Parse"/>; errors name it.</param>
/// <param name="Instructions">In file order; at least one.</param>
public sealed record Dockerfile(string FileName, IReadOnlyList<Instruction> Instructions)
{
    /// <summary>Longest text that is read, in UTF-16 units.</summary>
    public const int MaxLength = 4 * 1024 * 1024;

    /// <summary>Most instructions a file may have.</summary>
    public const int MaxInstructions = 10_000;

    /// <summary>The parser directives at the top.</summary>
    public ParserDirectives Directives { get; init; } = new();

    /// <summary>The file's text as it was read.</summary>
    public string Text { get; init; } = "";

    /// <summary>
    /// Reads a Dockerfile as BuildKit's frontend does: directives, comments, continuation lines, here-documents, every instruction.
    /// Throws <see cref="DockerfileException"/>, and nothing else, for text that is not one.
    /// </summary>
    public static Dockerfile Parse(string text, string fileName)
    {
        if (text.Length > MaxLength)
            throw new DockerfileException(fileName, 1, 1, $"file is longer than {MaxLength} characters", "move large content to the build context");
        var lines = new LogicalLineReader(text, fileName);
        var directives = ParserDirectives.Read(lines, fileName);
        var reader = new InstructionReader(lines, fileName, directives.Escape);
        var instructions = new List<Instruction>();
        while (lines.Next(directives.Escape) is { } line)
        {
            if (instructions.Count == MaxInstructions)
                throw new DockerfileException(fileName, line.StartLine, 1, $"file has more than {MaxInstructions} instructions", "join some of them");
            instructions.Add(reader.Read(line));
        }
        if (instructions.Count == 0)
            throw new DockerfileException(fileName, lines.LineNumber == 0 ? 1 : lines.LineNumber, 1, "file with no instructions", "write at least FROM, or remove the file");
        return new Dockerfile(fileName, instructions) { Directives = directives, Text = text };
    }
}
