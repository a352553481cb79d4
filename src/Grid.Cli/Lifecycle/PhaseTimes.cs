using System.Globalization;
using Grid.Buildpacks.Descriptors;
using Grid.Lifecycle;

namespace Grid.Cli.Lifecycle;

/// <summary>SOURCE_DATE_EPOCH (platform.md §exporter, from Platform API 0.9).</summary>
internal static class PhaseTimes
{
    /// <summary>When an image is to say it was made; null for the usual fixed time. A variable that is no number is ignored with a warning, as in the reference.</summary>
    public static DateTimeOffset? Created(PhaseInputs inputs, IPhaseLog log)
    {
        if (inputs.Api < new ApiVersion(0, 9) || inputs.Variable("SOURCE_DATE_EPOCH") is not { } text)
            return null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds)
            && seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            return DateTimeOffset.FromUnixTimeSeconds(seconds);
        log.Warn("Ignoring invalid SOURCE_DATE_EPOCH");
        return null;
    }
}
