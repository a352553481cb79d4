namespace Grid.Buildpacks.Toml;

/// <summary>A TOML file cannot be read; the message is <c>file:line:column: what is wrong</c>.</summary>
public sealed class TomlFormatException(string file, int line, int column, string message)
    : Exception($"{file}:{line}:{column}: {message}")
{
    public string File { get; } = file;

    /// <summary>1-based.</summary>
    public int Line { get; } = line;

    /// <summary>1-based.</summary>
    public int Column { get; } = column;
}
