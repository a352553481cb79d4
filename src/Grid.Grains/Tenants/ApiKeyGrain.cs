using Grid.Contracts.Tenants;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of an API key.</summary>
[GenerateSerializer, Alias("grid.ApiKeyState")]
public sealed class ApiKeyGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public ApiKey? Key { get; set; }

    /// <summary>A revoked key keeps its record, so that its public part is never given out again.</summary>
    [Id(2)] public bool Revoked { get; set; }
}

/// <inheritdoc cref="IApiKeyGrain"/>
[GrainType("grid.api-key")]
public sealed class ApiKeyGrain([PersistentState("api-key", GridStorage.Name)] IPersistentState<ApiKeyGrainState> state) : Grain, IApiKeyGrain
{
    public Task<ApiKey?> GetAsync()
    {
        // Anybody can ask for any name: what is not there must not stay in memory.
        if (state.State.Key is null)
            DeactivateOnIdle();
        return Task.FromResult(state.State.Revoked ? null : state.State.Key);
    }

    public async Task<bool> CreateAsync(ApiKey key)
    {
        if (state.State.Key is not null)
            return false;
        state.State.Key = key;
        await this.SaveAsync(state);
        return true;
    }

    public async Task RevokeAsync()
    {
        if (state.State.Key is null || state.State.Revoked)
            return;
        state.State.Revoked = true;
        await this.SaveAsync(state);
    }
}
