using Grid.Buildpacks.Descriptors;

namespace Grid.Buildpacks.Metadata;

/// <summary>Compares API versions as they stand in files and records (<c>0.9</c>, <c>0.10</c>); <c>1</c> means <c>1.0</c>.</summary>
public static class ApiOrder
{
    /// <summary>Whether an API is older than another.</summary>
    /// <exception cref="FormatException">One of them is no version.</exception>
    public static bool IsBelow(this string api, string other) => ApiVersion.Parse(api) < ApiVersion.Parse(other);
}
