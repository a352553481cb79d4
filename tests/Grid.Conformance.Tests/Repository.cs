namespace Grid.Conformance.Tests;

/// <summary>The checkout the tests run in.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Names of all test projects.</summary>
    public static IEnumerable<string> TestProjects => Directory.GetFiles(Path.Combine(Root, "tests"), "*.Tests.csproj", SearchOption.AllDirectories)
        .Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal);

    /// <summary>Where the assembly of a test project is when it was built as this one.</summary>
    public static string AssemblyOf(string project) => Path.Combine(Root, "artifacts/bin", project, Configuration, project + ".dll");

    private static string Configuration => Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new DirectoryNotFoundException("Grid.sln is in no directory above the tests");
    }
}
