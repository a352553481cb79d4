namespace Grid.Hosting;

/// <summary>Directories for nobody else on the machine: state and journals hold what users give to builds.</summary>
internal static class PrivateDirectory
{
    public static void Create(string path)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
