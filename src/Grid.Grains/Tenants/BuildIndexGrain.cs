using Grid.Contracts.Tenants;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of an index: the newest builds, and where the full pages begin.</summary>
[GenerateSerializer, Alias("grid.BuildIndexState")]
public sealed class BuildIndexGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Oldest first; fewer than <see cref="BuildIndexGrain.PageSize"/> after a page was cut off.</summary>
    [Id(1)] public List<BuildEntry> Newest { get; set; } = [];

    /// <summary>Id of the first build of each full page.</summary>
    [Id(2)] public List<string> Pages { get; set; } = [];

    [Id(3)] public List<string> Apps { get; set; } = [];
}

/// <inheritdoc cref="IBuildIndexGrain"/>
/// <remarks>A build costs one write of at most a page, however many there were before.</remarks>
[GrainType("grid.build-index")]
public sealed class BuildIndexGrain([PersistentState("build-index", GridStorage.Name)] IPersistentState<BuildIndexGrainState> state, TimeProvider time) : Grain, IBuildIndexGrain
{
    internal const int PageSize = 200;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private BuildIndexGrainState State => state.State;

    public async Task AddAsync(BuildEntry entry)
    {
        if (State.Newest.Exists(e => e.Id == entry.Id))
            return;
        if (State.Newest.Count >= PageSize)
        {
            // The page first: a write that is lost in between writes the same page again.
            await Page(State.Pages.Count).WriteAsync([.. State.Newest]);
            State.Pages.Add(State.Newest[0].Id);
            State.Newest = [];
        }
        // Ids carry their time, but two nodes' clocks differ a little.
        var at = State.Newest.FindLastIndex(e => string.CompareOrdinal(e.Id, entry.Id) < 0) + 1;
        State.Newest.Insert(at, entry);
        var app = State.Apps.BinarySearch(entry.App, StringComparer.Ordinal);
        if (app < 0)
            State.Apps.Insert(~app, entry.App);
        await this.SaveAsync(state);
        var grown = _grown;
        _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        grown.SetResult();
    }

    public async Task<bool> RemoveAsync(string[] ids)
    {
        var gone = ids.ToHashSet(StringComparer.Ordinal);
        // Pages first: when it ends in between, the same call again finds the rest.
        foreach (var page in ids.Select(PageOf).Where(page => page >= 0).Distinct())
        {
            var entries = await Page(page).ReadAsync();
            if (entries.Any(e => gone.Contains(e.Id)))
                await Page(page).WriteAsync([.. entries.Where(e => !gone.Contains(e.Id))]);
        }
        if (State.Newest.RemoveAll(e => gone.Contains(e.Id)) > 0)
            await this.SaveAsync(state);
        return (await ListAsync(null, 1)).Length > 0;
    }

    public async Task RemoveAppAsync(string app)
    {
        if (!State.Newest.Exists(e => e.App == app) && State.Apps.Remove(app))
            await this.SaveAsync(state);
    }

    public async Task<bool> WaitForNewerAsync(string known)
    {
        if (!IsNewer())
            await Task.WhenAny(_grown.Task, Task.Delay(Patience, time));
        return IsNewer();

        bool IsNewer() => State.Newest.Count > 0 && string.CompareOrdinal(State.Newest[^1].Id, known) > 0;
    }

    public async Task<BuildEntry[]> ListAsync(string? before, int limit)
    {
        var found = new List<BuildEntry>(limit);
        Take(State.Newest, before, limit, found);
        for (var page = State.Pages.Count - 1; page >= 0 && found.Count < limit; page--)
        {
            if (before is null || string.CompareOrdinal(State.Pages[page], before) < 0)
                Take(await Page(page).ReadAsync(), before, limit, found);
        }
        return [.. found];
    }

    public async Task<BuildEntry?> FindAsync(string id)
    {
        if (await FoundAsync(id) is { } known)
            return known;
        // A silo that the others have given up, and that does not know it yet, remembers less than is stored; "there is no such build" must be true.
        await state.ReadStateAsync();
        return await FoundAsync(id);
    }

    private async Task<BuildEntry?> FoundAsync(string id)
    {
        if (State.Newest.Find(e => e.Id == id) is { } entry)
            return entry;
        var page = PageOf(id);
        return page < 0 ? null : Array.Find(await Page(page).ReadAsync(), e => e.Id == id);
    }

    public Task<string[]> AppsAsync() => Task.FromResult(State.Apps.ToArray());

    private static void Take(IReadOnlyList<BuildEntry> entries, string? before, int limit, List<BuildEntry> found)
    {
        for (var i = entries.Count - 1; i >= 0 && found.Count < limit; i--)
        {
            if (before is null || string.CompareOrdinal(entries[i].Id, before) < 0)
                found.Add(entries[i]);
        }
    }

    /// <summary>The page a build is on if it is on one; -1 when it is older than all.</summary>
    private int PageOf(string id) => State.Pages.FindLastIndex(first => string.CompareOrdinal(first, id) <= 0);

    private IBuildPageGrain Page(int number) => GrainFactory.GetGrain<IBuildPageGrain>($"{this.GetPrimaryKeyString()}#{number}");
}

/// <summary>What is stored of a page.</summary>
[GenerateSerializer, Alias("grid.BuildPageState")]
public sealed class BuildPageGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public BuildEntry[] Entries { get; set; } = [];
}

/// <inheritdoc cref="IBuildPageGrain"/>
[GrainType("grid.build-page")]
public sealed class BuildPageGrain([PersistentState("build-page", GridStorage.Name)] IPersistentState<BuildPageGrainState> state) : Grain, IBuildPageGrain
{
    public Task WriteAsync(BuildEntry[] entries)
    {
        state.State.Entries = entries;
        return this.SaveAsync(state);
    }

    public Task<BuildEntry[]> ReadAsync() => Task.FromResult(state.State.Entries);
}
