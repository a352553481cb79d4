using Grid.Buildpacks.Descriptors;

namespace Grid.Lifecycle.Builders;

/// <summary>The APIs a builder of ours says its lifecycle has: those of <see cref="ApiVersion"/>, written out.</summary>
internal static class BuilderApis
{
    public static IReadOnlyList<string> Buildpack { get; } = Range(ApiVersion.SupportedBuildpack);

    public static IReadOnlyList<string> Platform { get; } = Range(ApiVersion.SupportedPlatform);

    private static List<string> Range((ApiVersion First, ApiVersion Last) supported) =>
        [.. Enumerable.Range((int)supported.First.Minor, (int)(supported.Last.Minor - supported.First.Minor) + 1).Select(minor => $"{supported.First.Major}.{minor}")];
}
