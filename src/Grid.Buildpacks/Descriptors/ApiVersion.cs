using System.Globalization;

namespace Grid.Buildpacks.Descriptors;

/// <summary>A version of the Platform or Buildpack API, such as 0.12; each part is a number of up to 64 bits (buildpack.md §Buildpack API Version).</summary>
public readonly record struct ApiVersion(ulong Major, ulong Minor) : IComparable<ApiVersion>
{
    /// <summary>The Platform APIs we speak.</summary>
    public static readonly (ApiVersion First, ApiVersion Last) SupportedPlatform = (new(0, 7), new(0, 15));

    /// <summary>The Buildpack APIs we speak.</summary>
    public static readonly (ApiVersion First, ApiVersion Last) SupportedBuildpack = (new(0, 7), new(0, 12));

    /// <summary>Whether a module of this Buildpack API can be run.</summary>
    public bool IsSupportedBuildpack => this >= SupportedBuildpack.First && this <= SupportedBuildpack.Last;

    /// <summary>Whether a platform of this Platform API is understood.</summary>
    public bool IsSupportedPlatform => this >= SupportedPlatform.First && this <= SupportedPlatform.Last;

    /// <summary>Reads "MAJOR.MINOR" or "MAJOR"; false for anything else.</summary>
    public static bool TryParse(string? text, out ApiVersion version)
    {
        version = default;
        var parts = text?.Split('.') ?? [];
        if (parts.Length is not (1 or 2) || !Number(parts[0], out var major))
            return false;
        var minor = 0UL;
        if (parts.Length == 2 && !Number(parts[1], out minor))
            return false;
        version = new(major, minor);
        return true;
    }

    /// <summary>Reads a version that has been checked before.</summary>
    public static ApiVersion Parse(string text) =>
        TryParse(text, out var version) ? version : throw new FormatException($"'{text}' is not an API version; want MAJOR.MINOR such as 0.12");

    public int CompareTo(ApiVersion other) => (Major, Minor).CompareTo((other.Major, other.Minor));

    public static bool operator <(ApiVersion left, ApiVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(ApiVersion left, ApiVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(ApiVersion left, ApiVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ApiVersion left, ApiVersion right) => left.CompareTo(right) >= 0;

    public override string ToString() => $"{Major}.{Minor}";

    private static bool Number(string text, out ulong value) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
