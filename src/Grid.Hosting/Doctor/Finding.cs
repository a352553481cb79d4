using System.Text.Json.Serialization;

namespace Grid.Hosting.Doctor;

/// <summary>How something is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Health>))]
public enum Health
{
    /// <summary>It works.</summary>
    Ok = 0,
    /// <summary>Grid works without it, or not as well as it could.</summary>
    Advice = 1,
    /// <summary>Grid cannot do its work like this.</summary>
    Missing = 2,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Name">What: <c>kernel</c>, <c>oci runtime</c>.</param>
/// <param name="Health">How it is.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Mend">The command or the setting that helps; null when nothing has to be done.</param>
public sealed record Finding(string Name, Health Health, string Detail, string? Mend = null)
{
    internal static Finding Ok(string name, string detail) => new(name, Health.Ok, detail);

    internal static Finding Advice(string name, string detail, string? mend) => new(name, Health.Advice, detail, mend);

    internal static Finding Missing(string name, string detail, string mend) => new(name, Health.Missing, detail, mend);
}
