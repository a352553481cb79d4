namespace Grid.Fuzzing;

/// <summary>Honest inputs from the recorded cases.</summary>
internal static class Corpus
{
    private const int MaxBytes = 16 * 1024;

    /// <summary>Different files of tests/golden with this ending, small ones first.</summary>
    public static IReadOnlyList<string> Golden(string ending, int count = 60)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        var golden = Path.Combine(directory?.FullName ?? throw new DirectoryNotFoundException("Grid.sln is in no directory above the tests"), "tests/golden");
        return
        [
            .. Directory.EnumerateFiles(golden, "*" + ending, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Where(file => new FileInfo(file) is { LinkTarget: null, Length: <= MaxBytes }).Select(File.ReadAllText).Distinct().OrderBy(text => text.Length).Take(count),
        ];
    }
}
