namespace Grid.Launcher;

/// <summary>A version of the platform or buildpack API, <c>major.minor</c>.</summary>
internal readonly record struct ApiVersion(int Major, int Minor)
{
    private static readonly ApiVersion OldestPlatform = new(0, 7);
    private static readonly ApiVersion NewestPlatform = new(0, 15);
    private static readonly ApiVersion OldestBuildpack = new(0, 7);
    private static readonly ApiVersion NewestBuildpack = new(0, 12);

    public bool AtLeast(int major, int minor) => Major > major || (Major == major && Minor >= minor);

    public override string ToString() => Major.ToString() + "." + Minor.ToString();

    /// <summary>Reads CNB_PLATFORM_API as the image has it; exit 11 when it is absent or not one of ours.</summary>
    public static ApiVersion ForPlatform(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            throw new LaunchException(LaunchException.IncompatiblePlatformApi,
                "CNB_PLATFORM_API is not set: the image's environment must name the platform API it was exported with");
        }
        if (TryParse(text, out var version) && IsWithin(version, OldestPlatform, NewestPlatform))
            return version;
        throw new LaunchException(LaunchException.IncompatiblePlatformApi,
            $"CNB_PLATFORM_API '{text}' is not supported: this launcher knows {OldestPlatform} to {NewestPlatform}");
    }

    /// <summary>Reads the API of a buildpack listed in metadata.toml; exit 12 when it is not one of ours.</summary>
    public static ApiVersion ForBuildpack(string id, string text)
    {
        if (TryParse(text, out var version) && IsWithin(version, OldestBuildpack, NewestBuildpack))
            return version;
        throw new LaunchException(LaunchException.IncompatibleBuildpackApi,
            $"buildpack '{id}' has API '{text}', which is not supported: this launcher knows {OldestBuildpack} to {NewestBuildpack}");
    }

    /// <summary>Reads <c>major.minor</c>; a lone major counts as <c>major.0</c>.</summary>
    public static bool TryParse(string text, out ApiVersion version)
    {
        version = default;
        var dot = text.IndexOf('.');
        var major = dot < 0 ? text : text[..dot];
        var minor = dot < 0 ? "0" : text[(dot + 1)..];
        if (!IsNumber(major) || !IsNumber(minor))
            return false;
        version = new ApiVersion(int.Parse(major), int.Parse(minor));
        return true;
    }

    private static bool IsNumber(string text)
    {
        if (text.Length is 0 or > 6)
            return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c))
                return false;
        }
        return true;
    }

    private static bool IsWithin(ApiVersion version, ApiVersion oldest, ApiVersion newest) =>
        version.AtLeast(oldest.Major, oldest.Minor) && newest.AtLeast(version.Major, version.Minor);
}
