namespace Grid.Benchmarks.Workspace;

/// <summary>The working copy this benchmark was built from.</summary>
internal sealed record Repository(string Root)
{
    /// <summary>Where results, inputs and the store go: <c>artifacts/benchmarks</c>.</summary>
    public string Artifacts => Path.Combine(Root, "artifacts", "benchmarks");

    public static Repository Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (!File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
                continue;
            var found = new Repository(directory.FullName);
            Directory.CreateDirectory(found.Artifacts);
            return found;
        }
        throw new BenchmarkException($"there is no Grid.sln above {AppContext.BaseDirectory}: run it from a working copy with 'dotnet run -c Release --project tests/Grid.Benchmarks'");
    }
}
