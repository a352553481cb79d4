using System.Globalization;
using System.Text.RegularExpressions;

namespace Grid.Hosting.Cache;

/// <summary>Reads durations and sizes as people write them.</summary>
public static partial class Quantities
{
    /// <summary>A number with s, m, h or d.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static TimeSpan Duration(string text)
    {
        if (Durations().Match(text) is { Success: true } match && int.TryParse(match.Groups["number"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return match.Groups["unit"].Value switch
            {
                "s" => TimeSpan.FromSeconds(number),
                "m" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => TimeSpan.FromDays(Math.Min(number, 36500)),
            };
        }
        throw new FormatException($"'{text}': want a number with s, m, h or d, such as 7d");
    }

    /// <summary>As <see cref="Duration"/>, of at most 30 days: the bound of something that runs.</summary>
    /// <exception cref="FormatException">It is something else, or longer.</exception>
    public static TimeSpan Timeout(string text) =>
        Duration(text) is var time && time <= TimeSpan.FromDays(30) ? time : throw new FormatException($"'{text}': want at most 30d");

    /// <summary>A number of bytes, also with kB, MB or GB (powers of ten).</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static long Bytes(string text)
    {
        if (Sizes().Match(text) is { Success: true } match && decimal.TryParse(match.Groups["number"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            var bytes = number * match.Groups["unit"].Value.ToUpperInvariant() switch { "KB" => 1_000m, "MB" => 1_000_000m, "GB" => 1_000_000_000m, "TB" => 1_000_000_000_000m, _ => 1m };
            if (bytes <= long.MaxValue)
                return (long)bytes;
        }
        throw new FormatException($"'{text}': want a number of bytes, also with kB, MB or GB, such as 20GB");
    }

    [GeneratedRegex(@"\A(?<number>[0-9]{1,9})(?<unit>[smhd])\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Durations();

    [GeneratedRegex(@"\A(?<number>[0-9]{1,15}(\.[0-9]{1,6})?) ?(?<unit>B|[kKMGT]B)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Sizes();
}
