using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles.Keys;
using Grid.Grains.Machines;
using Grid.Oci;
using Orleans.Runtime;

namespace Grid.Grains.Steps;

/// <summary>What is stored of a catalog.</summary>
[GenerateSerializer, Alias("grid.StepCatalogState")]
public sealed class StepCatalogGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Newest first.</summary>
    [Id(1)] public StepCatalogEntry[] Entries { get; set; } = [];
}

/// <inheritdoc cref="IStepCatalogGrain"/>
/// <remarks>Bounded: the oldest entries beyond <see cref="MaxEntries"/> are forgotten together with their steps, and only the newest keep their fields.</remarks>
[GrainType("grid.step-catalog")]
public sealed class StepCatalogGrain([PersistentState("step-catalog", GridStorage.Name)] IPersistentState<StepCatalogGrainState> state) : Grain, IStepCatalogGrain
{
    /// <summary>Steps of one extension, kind and scope that are kept.</summary>
    public const int MaxEntries = 512;

    /// <summary>Entries a miss is compared with.</summary>
    public const int MaxWithFields = 64;

    private const int MaxText = 200;

    public async Task RecordAsync(StepCatalogEntry entry)
    {
        if (state.State.Entries.Length == 0)
            await GrainFactory.GetGrain<IStepCatalogsGrain>(IStepCatalogsGrain.Key).AddAsync(this.GetPrimaryKeyString());
        var entries = new List<StepCatalogEntry> { entry with { Text = entry.Text.Length <= MaxText ? entry.Text : entry.Text[..MaxText] } };
        entries.AddRange(state.State.Entries.Where(e => e.Key != entry.Key));
        for (var i = MaxWithFields; i < entries.Count; i++)
            entries[i] = entries[i] with { Fields = [] };
        foreach (var oldest in entries.Skip(MaxEntries).ToArray())
        {
            // One that runs just now stays, and with it the entry.
            if (await StepOf(oldest.Key).ForgetAsync(DateTimeOffset.MaxValue))
                entries.Remove(oldest);
        }
        state.State.Entries = [.. entries];
        await this.SaveAsync(state);
    }

    public Task<StepMiss?> ExplainAsync(StepKey key, StepName name) => Task.FromResult(NearestStep.Explain(state.State.Entries, key, name));

    public Task<StepCatalogEntry[]> ListAsync() => Task.FromResult(state.State.Entries);

    public async Task RemoveAsync(Digest[] keys)
    {
        var left = state.State.Entries.ExceptBy(keys, e => e.Key).ToArray();
        if (left.Length == state.State.Entries.Length)
            return;
        state.State.Entries = left;
        await this.SaveAsync(state);
    }

    private IStepGrain StepOf(Digest key) => GrainFactory.GetGrain<IStepGrain>($"{StepCatalogName.Parse(this.GetPrimaryKeyString()).Scope}/{key.Hex}");
}

/// <summary>What is stored of the list of catalogs.</summary>
[GenerateSerializer, Alias("grid.StepCatalogsState")]
public sealed class StepCatalogsGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public string[] Catalogs { get; set; } = [];
}

/// <inheritdoc cref="IStepCatalogsGrain"/>
[GrainType("grid.step-catalogs")]
public sealed class StepCatalogsGrain([PersistentState("step-catalogs", GridStorage.Name)] IPersistentState<StepCatalogsGrainState> state) : Grain, IStepCatalogsGrain
{
    public Task AddAsync(string catalog) => state.State.Catalogs.Contains(catalog) ? Task.CompletedTask : SaveAsync([.. state.State.Catalogs, catalog]);

    public Task<string[]> ListAsync() => Task.FromResult(state.State.Catalogs);

    public Task RemoveAsync(string[] catalogs) =>
        state.State.Catalogs.Intersect(catalogs).Any() ? SaveAsync([.. state.State.Catalogs.Except(catalogs)]) : Task.CompletedTask;

    private Task SaveAsync(string[] catalogs)
    {
        state.State.Catalogs = catalogs;
        return this.SaveAsync(state);
    }
}
