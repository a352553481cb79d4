using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Grains.Machines;
using Orleans.Runtime;

namespace Grid.Grains.Steps;

/// <summary>What is stored of a step.</summary>
[GenerateSerializer, Alias("grid.StepRecordState")]
public sealed class StepGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public StepProgress Progress { get; set; } = new();
}

/// <inheritdoc cref="IStepGrain"/>
[GrainType("grid.step")]
public sealed class StepGrain(
    [PersistentState("step", GridStorage.Name)] IPersistentState<StepGrainState> state, StepCacheOptions options, TimeProvider time) : Grain, IStepGrain
{
    private static readonly TimeSpan UseResolution = TimeSpan.FromHours(1);

    public async Task<StepClaim> ClaimAsync(StepClaimRequest request)
    {
        var (progress, claim) = StepMachine.Claim(state.State.Progress, request, time.GetUtcNow(), options.TimeToLive);
        var before = state.State.Progress;
        state.State.Progress = progress;
        // A hit only counts a use: writing that for every hit would cost an all-cached build more than anything else it does.
        if (claim.Kind == StepClaimKind.Run || (claim.Kind == StepClaimKind.Hit && progress.LastUsedAt - before.LastUsedAt > UseResolution))
            await this.SaveAsync(state);
        return claim;
    }

    public async Task<bool> RenewAsync(string handle)
    {
        if (StepMachine.Renew(state.State.Progress, handle, time.GetUtcNow()) is not { } renewed)
            return false;
        state.State.Progress = renewed;
        await this.SaveAsync(state);
        return true;
    }

    public Task CompleteAsync(string handle, CachedStep step) => EndLeaseAsync(StepMachine.Complete(state.State.Progress, handle, step));

    public Task ReleaseAsync(string handle) => EndLeaseAsync(StepMachine.Release(state.State.Progress, handle));

    public Task<StepDescription> DescribeAsync()
    {
        var progress = state.State.Progress;
        return Task.FromResult(new StepDescription
        {
            Finished = progress.Finished,
            Running = progress.Lease is { } lease && lease.Epoch == options.Epoch && lease.ExpiresAt > time.GetUtcNow(),
            LastUsedAt = progress.LastUsedAt,
            Uses = progress.Uses,
        });
    }

    public async Task<bool> ForgetAsync(DateTimeOffset notUsedSince)
    {
        if (StepMachine.Forget(state.State.Progress, notUsedSince, time.GetUtcNow()) is not { } forgotten)
            return false;
        state.State.Progress = forgotten;
        await this.ClearAsync(state);
        return true;
    }

    private async Task EndLeaseAsync(StepProgress? next)
    {
        if (next is null)
            return;
        var waiting = state.State.Progress.Waiting;
        state.State.Progress = next;
        await this.SaveAsync(state);
        // Not awaited: a waiter's next claim comes back to this grain. A lost notice is made good by the waiter's own timer.
        foreach (var extender in waiting)
            GrainFactory.GetGrain<IExtenderGrain>(extender).StepReleasedAsync(this.GetPrimaryKeyString()).Ignore();
    }
}
