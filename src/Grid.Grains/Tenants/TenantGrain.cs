using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Grains.Machines;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of a tenant.</summary>
[GenerateSerializer, Alias("grid.TenantState")]
public sealed class TenantGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public Tenant? Tenant { get; set; }

    [Id(2)] public List<string> Keys { get; set; } = [];
}

/// <inheritdoc cref="ITenantGrain"/>
[GrainType("grid.tenant")]
public sealed class TenantGrain([PersistentState("tenant", GridStorage.Name)] IPersistentState<TenantGrainState> state, TimeProvider time) : Grain, ITenantGrain
{
    private string Name => this.GetPrimaryKeyString();

    public Task<Tenant?> GetAsync()
    {
        if (state.State.Tenant is null)
            DeactivateOnIdle();
        return Task.FromResult(state.State.Tenant);
    }

    public async Task<Tenant> SetAsync(TenantSettings settings)
    {
        var known = state.State.Tenant;
        // The directory first: a tenant that exists but is listed nowhere could not be found again.
        if (known is null)
            await GrainFactory.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).AddAsync(Name);
        state.State.Tenant = new Tenant(Name, settings, known?.CreatedAt ?? time.GetUtcNow()) { Version = (known?.Version ?? 0) + 1 };
        await this.SaveAsync(state);
        return state.State.Tenant;
    }

    public async Task<Tenant?> SetIfAsync(TenantSettings settings, long version) => (state.State.Tenant?.Version ?? 0) == version ? await SetAsync(settings) : null;

    public async Task<TenantAdmission> AdmitAsync(BuildRequest request)
    {
        if (state.State.Tenant is not { Settings: var settings })
        {
            DeactivateOnIdle();
            return new TenantAdmission();
        }
        return new TenantAdmission
        {
            Quota = new TenantQuota { MaxRunning = settings.MaxRunningBuilds, MaxQueued = settings.MaxQueuedBuilds, Weight = settings.Weight, Egress = settings.Egress },
            Refusal = TenantPolicy.Check(Name, settings, request) ?? await CheckMinutesAsync(settings),
        };
    }

    private async Task<TenantRefusal?> CheckMinutesAsync(TenantSettings settings)
    {
        if (settings.MaxBuildMinutes <= 0)
            return null;
        var now = time.GetUtcNow();
        return TenantPolicy.Check(Name, settings, await GrainFactory.GetGrain<ITenantUsageGrain>(TenantUsage.KeyOf(Name, now)).GetAsync(), now);
    }

    public async Task AddKeyAsync(string keyId)
    {
        if (state.State.Keys.Contains(keyId))
            return;
        state.State.Keys.Add(keyId);
        await this.SaveAsync(state);
    }

    public async Task<bool> RemoveKeyAsync(string keyId)
    {
        if (!state.State.Keys.Remove(keyId))
            return false;
        await this.SaveAsync(state);
        return true;
    }

    public Task<string[]> KeysAsync() => Task.FromResult(state.State.Keys.ToArray());
}

/// <summary>What is stored of the directory.</summary>
[GenerateSerializer, Alias("grid.TenantDirectoryState")]
public sealed class TenantDirectoryGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public List<string> Tenants { get; set; } = [];
}

/// <inheritdoc cref="ITenantDirectoryGrain"/>
[GrainType("grid.tenant-directory")]
public sealed class TenantDirectoryGrain(
    [PersistentState("tenant-directory", GridStorage.Name)] IPersistentState<TenantDirectoryGrainState> state) : Grain, ITenantDirectoryGrain
{
    public async Task AddAsync(string tenant)
    {
        var at = state.State.Tenants.BinarySearch(tenant, StringComparer.Ordinal);
        if (at >= 0)
            return;
        state.State.Tenants.Insert(~at, tenant);
        await this.SaveAsync(state);
    }

    public Task<string[]> ListAsync() => Task.FromResult(state.State.Tenants.ToArray());
}
