namespace Grid.Buildpacks.Metadata;

/// <summary>Compares API versions as they stand in files (<c>0.9</c>, <c>0.10</c>); <c>1</c> means <c>1.0</c>.</summary>
public static class ApiOrder
{
    /// <summary>Whether an API is older than another.</summary>
    /// <exception cref="FormatException">One of them is no version.</exception>
    public static bool IsBelow(this string api, string other) => Parse(api).CompareTo(Parse(other)) < 0;

    private static (int Major, int Minor) Parse(string api)
    {
        var dot = api.IndexOf('.');
        var major = dot < 0 ? api : api[..dot];
        var minor = dot < 0 ? "0" : api[(dot + 1)..];
        return int.TryParse(major, out var first) && int.TryParse(minor, out var second)
            ? (first, second)
            : throw new FormatException($"'{api}' is not an API version of the form MAJOR.MINOR");
    }
}
