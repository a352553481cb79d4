using System.Globalization;
using System.Text.RegularExpressions;
using Grid.Client.Models;

namespace Grid.Dashboard;

/// <summary>How numbers and names are written on pages.</summary>
internal static partial class Show
{
    /// <summary>A duration, as exact as somebody needs it.</summary>
    public static string Time(TimeSpan time) => time switch
    {
        { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes} min"),
    };

    /// <summary>Bytes in units of 1024.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):0.0} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024 * 1024):0.0} GiB"),
    };

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A bound, of which 0 is none.</summary>
    public static string Bound(long number, string none = "no bound") => number == 0 ? none : Number(number);

    /// <summary>The end of a build's id: its beginning is the time.</summary>
    public static string Short(string build) => build.Length > 8 ? build[^8..] : build;

    /// <summary>The first words of a digest.</summary>
    public static string Digest(string digest) => digest.Length > 19 ? digest[..19] : digest;

    /// <summary>A state or phase as a word.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum => string.Concat(value.ToString().Select((c, n) => n > 0 && char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));

    /// <summary>Tenant and id of a build's key.</summary>
    public static (string Tenant, string Build) Key(string build) => build.Split('/', 2) is [var tenant, var id] ? (tenant, id) : ("", build);

    public static string TenantPath(string tenant) => $"/tenants/{tenant}";

    public static string BuildPath(string tenant, string build) => $"/tenants/{tenant}/builds/{build}";

    public static string AppPath(string tenant, string app) => $"/tenants/{tenant}/apps?name={Uri.EscapeDataString(app)}";

    /// <summary>Text without what a terminal or a browser would act on: control characters, and marks that turn the direction of writing.</summary>
    public static string Plain(string text) => Unseen().Replace(text, "");

    [GeneratedRegex(@"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")]
    private static partial Regex Unseen();

    /// <summary>How a build ended, on one line.</summary>
    public static string Result(BuildResource build) => build.Failure is { } failure ? Plain(failure.Message.Split('\n')[0]) : build.Digest ?? "";
}
