using Grid.Buildpacks.Toml;

namespace Grid.Lifecycle.Builders;

/// <summary>A builder image cannot be made from its builder.toml. The message says what, where (file:line:column) and what to do.</summary>
public sealed class BuilderException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>A fault of one element of the file.</summary>
    public static BuilderException At(TomlPosition position, string message, Exception? inner = null) =>
        new($"{position.File}:{position.Line}:{position.Column}: {message}", inner);
}
