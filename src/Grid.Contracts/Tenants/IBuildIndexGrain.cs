using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>Builds in the order they were submitted: keyed <c>tenant</c> for all of a tenant, <c>tenant/app</c> for those of one app.</summary>
[Alias("grid.IBuildIndexGrain")]
public interface IBuildIndexGrain : IGrainWithStringKey
{
    /// <summary>Adds a build. Repeating it changes nothing.</summary>
    [Alias("Add")]
    Task AddAsync(BuildEntry entry);

    /// <summary>Takes builds out that are no longer there; whether any are left. Repeating it changes nothing.</summary>
    [Alias("Remove")]
    Task<bool> RemoveAsync(string[] ids);

    /// <summary>Takes an app out of the names, unless one of its builds has just come; only for a tenant's index.</summary>
    [Alias("RemoveApp")]
    Task RemoveAppAsync(string app);

    /// <summary>At most <paramref name="limit"/> builds, newest first, older than the build <paramref name="before"/> when it is given.</summary>
    [Alias("List"), ReadOnly]
    Task<BuildEntry[]> ListAsync(string? before, int limit);

    /// <summary>Waits until there is a build newer than this one, or for a while: whether there is.</summary>
    [Alias("WaitForNewer"), AlwaysInterleave]
    Task<bool> WaitForNewerAsync(string known);

    /// <summary>One build; null when it is not here.</summary>
    [Alias("Find"), ReadOnly]
    Task<BuildEntry?> FindAsync(string id);

    /// <summary>Names of the apps that have builds, in ordinal order; only a tenant's index has them.</summary>
    [Alias("Apps"), ReadOnly]
    Task<string[]> AppsAsync();
}

/// <summary>A full page of an index, keyed <c>index key#number</c>; written once, and again when builds of it are removed.</summary>
[Alias("grid.IBuildPageGrain")]
public interface IBuildPageGrain : IGrainWithStringKey
{
    [Alias("Write")]
    Task WriteAsync(BuildEntry[] entries);

    [Alias("Read"), ReadOnly]
    Task<BuildEntry[]> ReadAsync();
}

/// <summary>A build as lists show it before they ask the build itself.</summary>
/// <param name="Id">Id within the tenant; ids compare (ordinally) as their times do.</param>
/// <param name="App">Name of the app.</param>
/// <param name="Image">Image that was asked for.</param>
/// <param name="SubmittedAt">When.</param>
/// <param name="SubmittedBy">Public part of the key, or the subject of the token, that asked for it.</param>
/// <param name="RequestHash">Digest of what was asked, to tell a repeated request from another one with the same idempotency key.</param>
[GenerateSerializer, Immutable, Alias("grid.BuildEntry")]
public sealed record BuildEntry(
    [property: Id(0)] string Id, [property: Id(1)] string App, [property: Id(2)] string Image, [property: Id(3)] DateTimeOffset SubmittedAt, [property: Id(4)] string SubmittedBy,
    [property: Id(5)] string RequestHash);
