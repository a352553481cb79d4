using System.Globalization;
using System.Text.RegularExpressions;

namespace Grid.Dockerfiles.Planning;

/// <summary>Durations as Go writes them: <c>1m30s</c>, <c>500ms</c>.</summary>
internal static partial class GoDuration
{
    /// <summary>Nanoseconds; throws <see cref="FormatException"/>.</summary>
    public static long Nanoseconds(string text)
    {
        if (text == "0")
            return 0;
        if (text.Length > 64 || Pattern().Match(text) is not { Success: true } match)
            throw new FormatException($"'{text}' is not a duration; write 30s, 1m30s or 500ms");
        var total = 0m;
        for (var i = 0; i < match.Groups["number"].Captures.Count; i++)
        {
            if (!decimal.TryParse(match.Groups["number"].Captures[i].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number > 1e12m)
                throw new FormatException($"'{text}' is not a duration that can be used");
            total += number * Unit(match.Groups["unit"].Captures[i].Value);
        }
        return total <= long.MaxValue ? (long)total : throw new FormatException($"'{text}' is too long a duration");
    }

    private static decimal Unit(string unit) => unit switch
    {
        "h" => 3600e9m,
        "m" => 60e9m,
        "s" => 1e9m,
        "ms" => 1e6m,
        "ns" => 1m,
        _ => 1e3m,
    };

    [GeneratedRegex(@"\A((?<number>[0-9]+(\.[0-9]+)?)(?<unit>h|ms|m|s|us|µs|ns))+\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
