using Grid.Contracts.Tenants;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of a list of entries: the newest, and the full pages before them.</summary>
[GenerateSerializer, Alias("grid.ExpiryState")]
public sealed class ExpiryGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Oldest first.</summary>
    [Id(1)] public List<ExpiryEntry> Newest { get; set; } = [];

    /// <summary>Full pages that are there, oldest first.</summary>
    [Id(2)] public List<ExpiryPage> Pages { get; set; } = [];

    /// <summary>How many pages there ever were: the number of the next one.</summary>
    [Id(3)] public int PageCount { get; set; }
}

/// <summary>A full page.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Until">Time of its newest entry.</param>
[GenerateSerializer, Immutable, Alias("grid.ExpiryPage")]
public sealed record ExpiryPage([property: Id(0)] int Number, [property: Id(1)] DateTimeOffset Until);

/// <inheritdoc cref="IExpiryGrain"/>
/// <remarks>An entry costs one write of at most a page, however many there are. A page goes as a whole, when its newest entry is due.</remarks>
[GrainType("grid.expiry")]
public sealed class ExpiryGrain([PersistentState("expiry", GridStorage.Name)] IPersistentState<ExpiryGrainState> state) : Grain, IExpiryGrain
{
    internal const int PageSize = 100;

    private ExpiryGrainState State => state.State;

    public async Task AddAsync(ExpiryEntry entry)
    {
        if (State.Newest.Count >= PageSize)
        {
            // The page first: a write that is lost in between writes the same page again.
            await Page(State.PageCount).WriteAsync([.. State.Newest]);
            State.Pages.Add(new ExpiryPage(State.PageCount++, State.Newest[^1].At));
            State.Newest = [];
        }
        // Clocks of nodes differ a little, and what was used since it came in has its place between the others.
        State.Newest.Insert(State.Newest.FindLastIndex(e => e.At <= entry.At) + 1, entry);
        await this.SaveAsync(state);
    }

    public async Task<ExpiryEntry[]> DueAsync(DateTimeOffset before)
    {
        foreach (var page in State.Pages.ToArray())
        {
            if (page.Until >= before)
                return [];
            // An empty one was cleared, and its number stayed behind.
            if (await Page(page.Number).ReadAsync() is { Length: > 0 } entries)
                return entries;
        }
        return [.. State.Newest.TakeWhile(e => e.At < before)];
    }

    public async Task RemoveAsync(ExpiryEntry[] due)
    {
        var removed = State.Newest.RemoveAll(due.Contains);
        for (; State.Pages.Count > 0; removed++)
        {
            var page = Page(State.Pages[0].Number);
            var entries = await page.ReadAsync();
            if (entries.Length > 0 && !entries.SequenceEqual(due))
                break;
            // Before its number: nothing stays that nobody finds again.
            await page.ClearAsync();
            State.Pages.RemoveAt(0);
        }
        if (removed > 0)
            await this.SaveAsync(state);
    }

    private IExpiryPageGrain Page(int number) => GrainFactory.GetGrain<IExpiryPageGrain>($"{this.GetPrimaryKeyString()}#{number}");
}

/// <summary>What is stored of a page.</summary>
[GenerateSerializer, Alias("grid.ExpiryPageState")]
public sealed class ExpiryPageGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public ExpiryEntry[] Entries { get; set; } = [];
}

/// <inheritdoc cref="IExpiryPageGrain"/>
[GrainType("grid.expiry-page")]
public sealed class ExpiryPageGrain([PersistentState("expiry-page", GridStorage.Name)] IPersistentState<ExpiryPageGrainState> state) : Grain, IExpiryPageGrain
{
    public Task WriteAsync(ExpiryEntry[] entries)
    {
        state.State.Entries = entries;
        return this.SaveAsync(state);
    }

    public Task<ExpiryEntry[]> ReadAsync() => Task.FromResult(state.State.Entries);

    public Task ClearAsync() => this.ClearAsync(state);
}
