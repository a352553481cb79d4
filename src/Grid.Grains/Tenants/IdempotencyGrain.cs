using Grid.Contracts.Tenants;
using Grid.Grains.Retention;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of an idempotency key.</summary>
[GenerateSerializer, Alias("grid.IdempotencyState")]
public sealed class IdempotencyGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public string? Value { get; set; }

    /// <summary>When the value was claimed; null for a claim that an earlier build stored, whose time is not over as nobody knows when it began.</summary>
    [Id(2)] public DateTimeOffset? ClaimedAt { get; set; }
}

/// <inheritdoc cref="IIdempotencyGrain"/>
[GrainType("grid.idempotency")]
public sealed class IdempotencyGrain(
    [PersistentState("idempotency", GridStorage.Name)] IPersistentState<IdempotencyGrainState> state, RetentionOptions options, TimeProvider time) : Grain, IIdempotencyGrain
{
    private IdempotencyGrainState State => state.State;

    /// <summary>The value as long as its time is not over.</summary>
    private string? Value => State.ClaimedAt is { } at && time.GetUtcNow() - at >= options.KeepKeys ? null : State.Value;

    public async Task<string> ClaimAsync(string value)
    {
        if (Value is { } known)
            return known;
        var now = time.GetUtcNow();
        var key = this.GetPrimaryKeyString();
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        await GrainFactory.GetGrain<IExpiryGrain>(ExpiryEntry.KeyOf(key[..slash], IExpiryGrain.Keys)).AddAsync(new ExpiryEntry(key[(slash + 1)..], now));
        (State.Value, State.ClaimedAt) = (value, now);
        await this.SaveAsync(state);
        return value;
    }

    public Task<string?> FindAsync() => Task.FromResult(Value);

    public Task ReleaseAsync(string value) => State.Value == value ? this.ClearAsync(state) : Task.CompletedTask;

    public Task ExpireAsync(DateTimeOffset claimedBefore) => State.ClaimedAt is { } at && at < claimedBefore ? this.ClearAsync(state) : Task.CompletedTask;
}
