using Grid.Contracts.Audit;
using Orleans.Runtime;

namespace Grid.Grains.Audit;

/// <summary>Settings of audit logs.</summary>
public sealed record AuditOptions
{
    /// <summary>How long entries are kept at least. Whole pages are removed, when newer entries are added.</summary>
    public TimeSpan Keep { get; init; } = TimeSpan.FromDays(400);
}

/// <summary>What is stored of a log: the newest entries, and where the full pages begin.</summary>
[GenerateSerializer, Alias("grid.AuditState")]
public sealed class AuditGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Number of the last entry.</summary>
    [Id(1)] public long Last { get; set; }

    /// <summary>Oldest first.</summary>
    [Id(2)] public List<AuditEntry> Newest { get; set; } = [];

    /// <summary>Full pages that are kept, oldest first.</summary>
    [Id(3)] public List<AuditPage> Pages { get; set; } = [];

    /// <summary>How many pages there ever were: the number of the next one.</summary>
    [Id(4)] public int PageCount { get; set; }
}

/// <summary>A full page.</summary>
/// <param name="Number">Its number.</param>
/// <param name="First">Number of its first entry.</param>
/// <param name="Until">When its last entry was made.</param>
[GenerateSerializer, Immutable, Alias("grid.AuditPage")]
public sealed record AuditPage([property: Id(0)] int Number, [property: Id(1)] long First, [property: Id(2)] DateTimeOffset Until);

/// <inheritdoc cref="IAuditGrain"/>
/// <remarks>An entry costs one write of at most a page, however many there were before.</remarks>
[GrainType("grid.audit")]
public sealed class AuditGrain([PersistentState("audit", GridStorage.Name)] IPersistentState<AuditGrainState> state, AuditOptions options) : Grain, IAuditGrain
{
    internal const int PageSize = 100;

    private AuditGrainState State => state.State;

    public async Task<long> AppendAsync(AuditEntry entry)
    {
        if (State.Newest.FindLast(e => e.RequestId == entry.RequestId && e.Action == entry.Action) is { } known)
            return known.Number;
        if (State.Newest.Count >= PageSize)
            await CutPageAsync(entry.At);
        State.Newest.Add(entry with { Number = ++State.Last });
        // What is not stored was not logged: the next activation numbers on from what is.
        await this.SaveAsync(state);
        return State.Last;
    }

    public async Task<AuditEntry[]> ListAsync(long? before, int limit)
    {
        var found = new List<AuditEntry>(limit);
        Take(State.Newest, before, limit, found);
        for (var page = State.Pages.Count - 1; page >= 0 && found.Count < limit; page--)
        {
            if (before is null || State.Pages[page].First < before)
                Take(await Page(State.Pages[page].Number).ReadAsync(), before, limit, found);
        }
        return [.. found];
    }

    /// <summary>Moves the newest entries into a page of their own, and lets go of pages that are too old.</summary>
    private async Task CutPageAsync(DateTimeOffset now)
    {
        // The page first: a write that is lost in between writes the same page again.
        await Page(State.PageCount).WriteAsync([.. State.Newest]);
        State.Pages.Add(new AuditPage(State.PageCount++, State.Newest[0].Number, State.Newest[^1].At));
        State.Newest = [];
        while (State.Pages.Count > 0 && State.Pages[0].Until < now - options.Keep)
        {
            await Page(State.Pages[0].Number).ClearAsync();
            State.Pages.RemoveAt(0);
        }
    }

    private static void Take(IReadOnlyList<AuditEntry> entries, long? before, int limit, List<AuditEntry> found)
    {
        for (var i = entries.Count - 1; i >= 0 && found.Count < limit; i--)
        {
            if (before is null || entries[i].Number < before)
                found.Add(entries[i]);
        }
    }

    private IAuditPageGrain Page(int number) => GrainFactory.GetGrain<IAuditPageGrain>($"{this.GetPrimaryKeyString()}#{number}");
}

/// <summary>What is stored of a page.</summary>
[GenerateSerializer, Alias("grid.AuditPageState")]
public sealed class AuditPageGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public AuditEntry[] Entries { get; set; } = [];
}

/// <inheritdoc cref="IAuditPageGrain"/>
[GrainType("grid.audit-page")]
public sealed class AuditPageGrain([PersistentState("audit-page", GridStorage.Name)] IPersistentState<AuditPageGrainState> state) : Grain, IAuditPageGrain
{
    public Task WriteAsync(AuditEntry[] entries)
    {
        state.State.Entries = entries;
        return this.SaveAsync(state);
    }

    public Task<AuditEntry[]> ReadAsync() => Task.FromResult(state.State.Entries);

    public Task ClearAsync() => this.ClearAsync(state);
}
