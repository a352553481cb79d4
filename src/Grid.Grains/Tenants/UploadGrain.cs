using Grid.Contracts.Tenants;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of an upload.</summary>
[GenerateSerializer, Alias("grid.UploadState")]
public sealed class UploadGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Bytes; 0 while it is not complete.</summary>
    [Id(1)] public long Size { get; set; }

    [Id(2)] public DateTimeOffset CompletedAt { get; set; }
}

/// <inheritdoc cref="IUploadGrain"/>
[GrainType("grid.upload")]
public sealed class UploadGrain([PersistentState("upload", GridStorage.Name)] IPersistentState<UploadGrainState> state, TimeProvider time) : Grain, IUploadGrain
{
    public Task<bool> IsCompleteAsync() => Task.FromResult(state.State.Size > 0);

    public Task CompleteAsync(long size)
    {
        (state.State.Size, state.State.CompletedAt) = (size, time.GetUtcNow());
        return this.SaveAsync(state);
    }
}

/// <summary>What is stored of an idempotency key.</summary>
[GenerateSerializer, Alias("grid.IdempotencyState")]
public sealed class IdempotencyGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public string? Value { get; set; }
}

/// <inheritdoc cref="IIdempotencyGrain"/>
[GrainType("grid.idempotency")]
public sealed class IdempotencyGrain([PersistentState("idempotency", GridStorage.Name)] IPersistentState<IdempotencyGrainState> state) : Grain, IIdempotencyGrain
{
    public async Task<string> ClaimAsync(string value)
    {
        if (state.State.Value is null)
        {
            state.State.Value = value;
            await this.SaveAsync(state);
        }
        return state.State.Value;
    }

    public Task<string?> FindAsync() => Task.FromResult(state.State.Value);

    public async Task ReleaseAsync(string value)
    {
        if (state.State.Value == value)
            await this.ClearAsync(state);
    }
}
