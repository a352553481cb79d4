using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>stack.toml, which named the run image before Platform API 0.12.</summary>
public static class StackFile
{
    /// <summary>The run image of a stack.toml; null when there is no file or it names none.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    public static KnownRunImage? ReadIfExists(IFileTree files, string path) =>
        TomlFile.ReadIfExists(files, path)?.GetTable("run-image") is { } run && run.GetString("image") is { Length: > 0 } image
            ? new KnownRunImage(image, run.GetStrings("mirrors")) : null;
}
