namespace Grid.Deploy.Tests;

/// <summary>Files of this checkout.</summary>
internal static class Checkout
{
    /// <summary>Its top directory, found from where the tests run: a build for continuous integration knows no other paths.</summary>
    public static string Root { get; } = Find();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside a checkout of Grid");
    }
}
