using Grid.Buildpacks.Descriptors;

namespace Grid.Buildpacks.Metadata;

/// <summary>Compares API versions as they stand in files.</summary>
public static class ApiOrder
{
    /// <summary>Whether an API (<c>0.9</c>) is older than another (<c>0.10</c>).</summary>
    /// <exception cref="FormatException">One of them is no version.</exception>
    public static bool IsBelow(this string api, string other) => ApiVersion.Parse(api) < ApiVersion.Parse(other);
}
