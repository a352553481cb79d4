using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Grid.Contracts.Builds;

/// <summary>
/// Where the value of a Dockerfile's <c>build_id</c> comes from. The specification wants a UUID and leaves open when one may be used again
/// (image_extension.md §Build id; spec-facts §11): each policy answers that in its own way, and the build records which one it was.
/// </summary>
/// <param name="Kind">The rule.</param>
[GenerateSerializer, Immutable, Alias("grid.BuildIdPolicy")]
public sealed partial record BuildIdPolicy([property: Id(0)] BuildIdKind Kind)
{
    /// <summary>A new UUID for each build, as the reference does.</summary>
    public static readonly BuildIdPolicy PerBuild = new(BuildIdKind.PerBuild);

    /// <summary>Per-period: how long all builds of a tenant have the same value.</summary>
    [Id(1)] public TimeSpan Period { get; init; }

    /// <summary>Pinned: the UUID. Replay: the build, or <c>last</c> for the app's last one.</summary>
    [Id(2)] public string Value { get; init; } = "";

    /// <summary>Reads <c>per-build</c>, <c>per-period=DURATION</c>, <c>pinned=UUID</c>, <c>replay=BUILD</c>, or a UUID alone, which is pinned.</summary>
    /// <exception cref="FormatException">It is none of them.</exception>
    public static BuildIdPolicy Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return PerBuild;
        var (rule, value) = text.Split('=', 2) switch { [var name, var rest] => (name, rest), [var name] => (name, ""), _ => ("", "") };
        return rule switch
        {
            "per-build" when value.Length == 0 => PerBuild,
            "per-period" => new(BuildIdKind.PerPeriod) { Period = Duration(value) },
            "pinned" when Guid.TryParse(value, out var id) => new(BuildIdKind.Pinned) { Value = id.ToString() },
            "replay" when value.Length > 0 => new(BuildIdKind.Replay) { Value = value },
            _ when Guid.TryParse(text, out var id) => new(BuildIdKind.Pinned) { Value = id.ToString() },
            _ => throw new FormatException($"'{text}' is no rule for build_id: want per-build, per-period=DURATION (such as 24h or 7d), pinned=UUID, replay=BUILD, or a UUID"),
        };
    }

    /// <summary>The value of <c>build_id</c>.</summary>
    /// <param name="tenant">Who builds: tenants' periods have nothing to do with each other.</param>
    /// <param name="now">When the build is accepted.</param>
    /// <param name="fresh">A new UUID.</param>
    /// <param name="replayed">For a replay: the value of the build it names; empty when there is no such build.</param>
    public string Resolve(string tenant, DateTimeOffset now, Guid fresh, string? replayed) => Kind switch
    {
        BuildIdKind.PerPeriod => OfPeriod(tenant, now).ToString(),
        BuildIdKind.Pinned => Value,
        BuildIdKind.Replay => replayed ?? "",
        _ => fresh.ToString(),
    };

    /// <summary>As it is given.</summary>
    public override string ToString() => Kind switch
    {
        BuildIdKind.PerPeriod => string.Create(CultureInfo.InvariantCulture, $"per-period={Period.TotalSeconds}s"),
        BuildIdKind.Pinned => "pinned=" + Value,
        BuildIdKind.Replay => "replay=" + Value,
        _ => "per-build",
    };

    /// <summary>A UUID of version 8 (RFC 9562: custom) from the tenant and the number of the period.</summary>
    private Guid OfPeriod(string tenant, DateTimeOffset now)
    {
        var number = now.UtcTicks / Period.Ticks;
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"grid build_id\n{Period.Ticks}\n{number}\n{tenant}")))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    private static TimeSpan Duration(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success || !int.TryParse(match.Groups["number"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
            throw new FormatException($"'{text}' is no duration for per-period: want a number with s, m, h or d, such as 24h");
        return match.Groups["unit"].Value switch
        {
            "s" => TimeSpan.FromSeconds(number),
            "m" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            _ => TimeSpan.FromDays(Math.Min(number, 36500)),
        };
    }

    [GeneratedRegex(@"\A(?<number>[0-9]{1,9})(?<unit>[smhd])\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}

/// <summary>A rule for the value of <c>build_id</c>.</summary>
public enum BuildIdKind
{
    /// <summary>A new one for each build: what stands behind its declaration runs in every build.</summary>
    PerBuild = 0,

    /// <summary>The same for all builds of a tenant within a period.</summary>
    PerPeriod = 1,

    /// <summary>The one that was given.</summary>
    Pinned = 2,

    /// <summary>That of an earlier build.</summary>
    Replay = 3,
}
