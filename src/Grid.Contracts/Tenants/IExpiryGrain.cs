using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>
/// What a tenant has of one kind that goes after a time, oldest first: a grain for each tenant and kind (<see cref="ExpiryEntry.KeyOf"/>), since storage cannot be asked what is
/// in it. An entry is made before what it stands for is stored, so that nothing is there that nobody finds again.
/// </summary>
[Alias("grid.IExpiryGrain")]
public interface IExpiryGrain : IGrainWithStringKey
{
    /// <summary>Idempotency keys, by their hash.</summary>
    const string Keys = "keys";

    /// <summary>Uploaded archives, by the digits of their digest.</summary>
    const string Uploads = "uploads";

    /// <summary>Adds an entry. Repeating it does no harm.</summary>
    [Alias("Add")]
    Task AddAsync(ExpiryEntry entry);

    /// <summary>The oldest entries, those from before this time and at most a page of them; none when all are newer.</summary>
    [Alias("Due"), ReadOnly]
    Task<ExpiryEntry[]> DueAsync(DateTimeOffset before);

    /// <summary>Takes out what <see cref="DueAsync"/> gave. Repeating it changes nothing.</summary>
    [Alias("Remove")]
    Task RemoveAsync(ExpiryEntry[] due);
}

/// <summary>A full page of entries, keyed <c>grain's key#number</c>; written once, then cleared.</summary>
[Alias("grid.IExpiryPageGrain")]
public interface IExpiryPageGrain : IGrainWithStringKey
{
    [Alias("Write")]
    Task WriteAsync(ExpiryEntry[] entries);

    [Alias("Read"), ReadOnly]
    Task<ExpiryEntry[]> ReadAsync();

    [Alias("Clear")]
    Task ClearAsync();
}

/// <summary>Something that goes after a time.</summary>
/// <param name="Name">Its name among those of its kind.</param>
/// <param name="At">When it was made, or used last: what its time is counted from.</param>
[GenerateSerializer, Immutable, Alias("grid.ExpiryEntry")]
public sealed record ExpiryEntry([property: Id(0)] string Name, [property: Id(1)] DateTimeOffset At)
{
    /// <summary>The key of the grain of a tenant's entries of one kind.</summary>
    public static string KeyOf(string tenant, string kind) => $"{tenant}/{kind}";
}
