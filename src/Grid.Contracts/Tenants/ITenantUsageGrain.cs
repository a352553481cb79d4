using System.Globalization;
using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>What a tenant's builds used in a month, keyed <c>tenant/yyyy-MM</c> (UTC, of the build's start).</summary>
[Alias("grid.ITenantUsageGrain")]
public interface ITenantUsageGrain : IGrainWithStringKey
{
    /// <summary>Adds a build that has ended. Repeating it changes nothing.</summary>
    [Alias("Add")]
    Task AddAsync(string buildKey, double seconds);

    [Alias("Get"), ReadOnly]
    Task<TenantUsage> GetAsync();
}

/// <summary>A month's use.</summary>
/// <param name="Seconds">From the moment a build got a node to its end, of all builds together.</param>
/// <param name="Builds">How many builds ended.</param>
[GenerateSerializer, Immutable, Alias("grid.TenantUsage")]
public sealed record TenantUsage([property: Id(0)] double Seconds, [property: Id(1)] int Builds)
{
    /// <summary>The key of the grain of a moment.</summary>
    public static string KeyOf(string tenant, DateTimeOffset at) => $"{tenant}/{at.UtcDateTime.ToString("yyyy-MM", CultureInfo.InvariantCulture)}";
}
