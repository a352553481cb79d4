using Orleans.Concurrency;

namespace Grid.Contracts.Audit;

/// <summary>Who did what: keyed by a tenant's name for what concerns the tenant, and <see cref="GridKey"/> for what concerns the grid. Entries are added and never changed.</summary>
[Alias("grid.IAuditGrain")]
public interface IAuditGrain : IGrainWithStringKey
{
    /// <summary>The grid's own log: all that operators do, and all that was refused. No tenant can be called so.</summary>
    const string GridKey = "*";

    /// <summary>Adds an entry and gives its number. Repeating the call with the same request id changes nothing.</summary>
    [Alias("Append")]
    Task<long> AppendAsync(AuditEntry entry);

    /// <summary>At most <paramref name="limit"/> entries, newest first, with numbers below <paramref name="before"/> when that is given.</summary>
    [Alias("List"), ReadOnly]
    Task<AuditEntry[]> ListAsync(long? before, int limit);
}

/// <summary>A full page of a log, keyed <c>log#number</c>; written once, removed when it is older than logs are kept.</summary>
[Alias("grid.IAuditPageGrain")]
public interface IAuditPageGrain : IGrainWithStringKey
{
    [Alias("Write")]
    Task WriteAsync(AuditEntry[] entries);

    [Alias("Read"), ReadOnly]
    Task<AuditEntry[]> ReadAsync();

    [Alias("Clear")]
    Task ClearAsync();
}

/// <summary>One action. Names and numbers only: no value of a setting or secret.</summary>
[GenerateSerializer, Immutable, Alias("grid.AuditEntry")]
public sealed record AuditEntry
{
    /// <summary>Position in the log, from 1; the log gives it.</summary>
    [Id(0)] public long Number { get; init; }

    [Id(1)] public required DateTimeOffset At { get; init; }

    /// <summary>Who: <c>key:ID</c> or <c>user:SUBJECT</c>.</summary>
    [Id(2)] public required string Actor { get; init; }

    /// <summary>What: the operation's name in the API's description.</summary>
    [Id(3)] public required string Action { get; init; }

    /// <summary>To what: a path as the API has it.</summary>
    [Id(4)] public required string Object { get; init; }

    /// <summary><c>done</c>, or the code of the error that was answered.</summary>
    [Id(5)] public required string Result { get; init; }

    /// <summary>Names the request, in the answer's <c>X-Request-Id</c> and the logs too.</summary>
    [Id(6)] public required string RequestId { get; init; }
}
