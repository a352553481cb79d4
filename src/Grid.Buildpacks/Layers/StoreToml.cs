using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Layers;

/// <summary>A buildpack's <c>store.toml</c>: what it wants to know in the next build, kept in the app image's label.</summary>
public static class StoreToml
{
    /// <summary>Reads the store of a buildpack's layers directory; null when it wrote none.</summary>
    /// <exception cref="TomlFormatException">The file is broken.</exception>
    public static StoreMetadata? Find(IFileTree files, string directory)
    {
        if (TomlFile.ReadIfExists(files, directory + "/store.toml") is not { } document)
            return null;
        return new StoreMetadata(document.GetTable("metadata") is { } metadata ? TomlJson.ToJson(metadata) : null);
    }
}
