using Grid.Buildpacks;

namespace Grid.Cli.Commands;

/// <summary>SOURCE_DATE_EPOCH, as reproducible-builds.org defines it.</summary>
internal static class SourceDateEpoch
{
    /// <summary>When images are to say they were made; null for the usual fixed time.</summary>
    /// <exception cref="LifecycleException">Exit code 3: it is no number of seconds.</exception>
    public static DateTimeOffset? Read() => Seconds() is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    /// <summary>The same as seconds since 1970.</summary>
    /// <exception cref="LifecycleException">Exit code 3: it is no number of seconds.</exception>
    public static long? Seconds() => Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH") switch
    {
        null or "" => null,
        var text when long.TryParse(text, out var seconds) && seconds >= 0 => seconds,
        var text => throw new LifecycleException(ExitCode.InvalidArgs, $"SOURCE_DATE_EPOCH wants seconds since 1970, not '{text}'"),
    };
}
