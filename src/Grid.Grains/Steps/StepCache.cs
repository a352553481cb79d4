using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Grains.Machines;

namespace Grid.Grains.Steps;

/// <summary>The cache as one chain uses it: asks the step's grain, makes sure of the layer, falls back on the app's previous image, and explains misses.</summary>
/// <param name="grains">Reaches steps and catalogs.</param>
/// <param name="contexts">Knows which layers are here.</param>
/// <param name="options">The grid's settings.</param>
/// <param name="time">What time it is.</param>
internal sealed class StepCache(IGrainFactory grains, IContexts contexts, StepCacheOptions options, TimeProvider time)
{
    /// <summary>Asks for a step's result: found, to be run by the claimant, or run by somebody else.</summary>
    public async Task<StepAnswer> ClaimAsync(ExtendRequest request, ChainStep step, StepClaimRequest claimRequest)
    {
        var grain = GrainOf(step);
        claimRequest = claimRequest with { Epoch = options.Epoch, NotBefore = request.Refresh ? request.StartedAt : null };
        var claim = await grain.ClaimAsync(claimRequest);
        // A hit counts only when its layer is really there.
        while (claim is { Kind: StepClaimKind.Hit, Step.Layer: { } layer } && await contexts.WhatIsWrongAsync(layer, CancellationToken.None) is { } wrong)
            claim = await grain.ClaimAsync(claimRequest with { Broken = layer.Blob.Digest, BrokenReason = wrong });
        if (claim.Kind == StepClaimKind.Hit)
            return new StepAnswer(StepClaimKind.Hit) { Step = claim.Step };
        if (!request.Refresh && PriorSteps.Find(request, step, time.GetUtcNow() - options.TimeToLive) is { } prior)
        {
            if (claim.Kind == StepClaimKind.Run)
                await grain.ReleaseAsync(claimRequest.Handle);
            return new StepAnswer(StepClaimKind.Hit) { Step = prior.Step, Origin = prior.Origin };
        }
        return new StepAnswer(claim.Kind) { Reason = claim.Reason };
    }

    /// <summary>Why a step has to run.</summary>
    public async Task<StepMiss> ExplainAsync(ExtensionChain chain, ChainPosition position, ChainStep step, string? reason)
    {
        if (reason is not null)
            return new StepMiss { Reason = reason };
        return await CatalogOf(step).ExplainAsync(step.Key!, step.Name) ?? chain.MissReason(position, step);
    }

    /// <summary>Gives the lease holder's result to all who want it.</summary>
    public async Task CompleteAsync(ChainStep step, string handle, CachedStep result)
    {
        await CatalogOf(step).RecordAsync(new StepCatalogEntry
        {
            Key = step.Key!.Digest, File = step.Name.File, Line = step.Name.Line, Text = step.Name.Text, BuildKey = result.BuildKey, CreatedAt = result.CreatedAt,
            Fields = NearestStep.Shortened(step.Key),
        });
        await GrainOf(step).CompleteAsync(handle, result);
    }

    public Task<bool> RenewAsync(ChainStep step, string handle) => GrainOf(step).RenewAsync(handle);

    public Task ReleaseAsync(ChainStep step, string handle) => GrainOf(step).ReleaseAsync(handle);

    private IStepGrain GrainOf(ChainStep step) => grains.GetGrain<IStepGrain>($"{step.Scope.Scope}/{step.Key!.Digest.Hex}");

    private IStepCatalogGrain CatalogOf(ChainStep step) =>
        grains.GetGrain<IStepCatalogGrain>(new StepCatalogName(step.Scope.Scope, step.Name.Kind, step.Name.Extension).ToString());
}

/// <summary>What came of asking for a step.</summary>
internal sealed record StepAnswer(StepClaimKind Kind)
{
    /// <summary>The result, when there is one.</summary>
    public CachedStep? Step { get; init; }

    /// <summary>The image that holds its layer, when the previous image gave it; null when the cache did.</summary>
    public string? Origin { get; init; }

    /// <summary>Why a result that was there could not be used.</summary>
    public string? Reason { get; init; }
}
