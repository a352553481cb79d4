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

    /// <summary>When it was used last, give or take <see cref="UploadGrain.UseResolution"/>; null for one that an earlier build stored and nobody has used since.</summary>
    [Id(3)] public DateTimeOffset? UsedAt { get; set; }
}

/// <inheritdoc cref="IUploadGrain"/>
[GrainType("grid.upload")]
public sealed class UploadGrain([PersistentState("upload", GridStorage.Name)] IPersistentState<UploadGrainState> state, TimeProvider time) : Grain, IUploadGrain
{
    /// <summary>How exact the last use is: builds of one archive in a row need not write it each time.</summary>
    internal static readonly TimeSpan UseResolution = TimeSpan.FromHours(1);

    private UploadGrainState State => state.State;

    public Task<bool> IsCompleteAsync() => Task.FromResult(State.Size > 0);

    public async Task<bool> UseAsync()
    {
        if (State.Size == 0)
            return false;
        var now = time.GetUtcNow();
        if (State.UsedAt is null)
            await NoteAsync(now);
        if (State.UsedAt is not { } used || now - used >= UseResolution)
        {
            State.UsedAt = now;
            await this.SaveAsync(state);
        }
        return true;
    }

    public async Task CompleteAsync(long size)
    {
        var now = time.GetUtcNow();
        await NoteAsync(now);
        (State.Size, State.CompletedAt, State.UsedAt) = (size, now, now);
        await this.SaveAsync(state);
    }

    public async Task<DateTimeOffset?> ExpireAsync(DateTimeOffset unusedSince)
    {
        if (State.UsedAt is { } used && used >= unusedSince)
            return used;
        await this.ClearAsync(state);
        return null;
    }

    /// <summary>Makes the entry by which it is found when its time is over.</summary>
    private Task NoteAsync(DateTimeOffset now)
    {
        var key = this.GetPrimaryKeyString();
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return GrainFactory.GetGrain<IExpiryGrain>(ExpiryEntry.KeyOf(key[..slash], IExpiryGrain.Uploads)).AddAsync(new ExpiryEntry(key[(slash + 1)..], now));
    }
}
