using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>Deletes trees that hostile processes filled: links are not followed and names need not be UTF-8.</summary>
internal static class Trash
{
    /// <summary>Deletes a directory with all below; one that is not there is no error.</summary>
    public static void Delete(string directory) =>
        new RootedDirectory(Path.GetDirectoryName(directory)!).Delete("/" + Path.GetFileName(directory));
}
