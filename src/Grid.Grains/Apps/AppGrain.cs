using Grid.Contracts.Apps;
using Orleans.Runtime;

namespace Grid.Grains.Apps;

/// <summary>What is stored of an app.</summary>
[GenerateSerializer, Alias("grid.AppState")]
public sealed class AppGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public AppRecord Record { get; set; } = new();
}

/// <inheritdoc cref="IAppGrain"/>
[GrainType("grid.app")]
public sealed class AppGrain([PersistentState("app", GridStorage.Name)] IPersistentState<AppGrainState> state) : Grain, IAppGrain
{
    private const int HistoryLength = 50;

    public Task<AppRecord> GetAsync() => Task.FromResult(state.State.Record);

    public async Task<bool> ForgetAsync(string buildKey)
    {
        var record = state.State.Record;
        if (record.Builds.Length > 0 && record.Builds[0].BuildKey == buildKey)
            return false;
        if (record.Builds.Any(b => b.BuildKey == buildKey))
        {
            state.State.Record = record with { Builds = [.. record.Builds.Where(b => b.BuildKey != buildKey)] };
            await this.SaveAsync(state);
        }
        return true;
    }

    public async Task PublishedAsync(AppBuild build)
    {
        var record = state.State.Record;
        if (record.Builds.Any(b => b.BuildKey == build.Summary.BuildKey))
            return;
        state.State.Record = new AppRecord
        {
            Builds = [build.Summary, .. record.Builds.Take(HistoryLength - 1)],
            Cache = build.Cache,
            Extensions = build.Extensions,
        };
        await this.SaveAsync(state);
    }
}
