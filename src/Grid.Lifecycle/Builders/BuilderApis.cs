namespace Grid.Lifecycle.Builders;

/// <summary>The APIs a builder of ours says its lifecycle has.</summary>
internal static class BuilderApis
{
    public static IReadOnlyList<string> Buildpack { get; } = Range(7, 12);

    public static IReadOnlyList<string> Platform { get; } = Range(7, 15);

    private static List<string> Range(int first, int last) => [.. Enumerable.Range(first, last - first + 1).Select(minor => "0." + minor)];
}
