using Grid.Contracts.Tenants;
using Grid.Grains.Tenants;
using Orleans.Runtime;

namespace Grid.Grains.Tests.Cluster;

/// <summary>What could not be stored is not remembered: nobody is answered from it, and asking again does it.</summary>
public sealed class SavedStateTests : IAsyncLifetime
{
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    /// <summary>Does something whose first write of a state fails.</summary>
    private async Task FailOnceAsync(string state, Func<Task> action)
    {
        var failed = 0;
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == state && Interlocked.Exchange(ref failed, 1) == 0)
                throw new IOException("storage does not answer");
        };
        await Should.ThrowAsync<Exception>(action);
        failed.ShouldBe(1);
    }

    [Fact]
    public async Task An_idempotency_key_stands_for_what_was_stored()
    {
        var key = _grid.Grains.GetGrain<IIdempotencyGrain>("tenant/key");
        await FailOnceAsync("idempotency", () => key.ClaimAsync("first"));
        (await key.ClaimAsync("second")).ShouldBe("second");
    }

    [Fact]
    public async Task An_upload_is_complete_when_that_is_stored()
    {
        var upload = _grid.Grains.GetGrain<IUploadGrain>("tenant/blob");
        await FailOnceAsync("upload", () => upload.CompleteAsync(7));
        (await upload.IsCompleteAsync()).ShouldBeFalse();
        await upload.CompleteAsync(7);
        (await upload.IsCompleteAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task A_tenant_is_listed_although_the_list_could_not_be_written_at_first()
    {
        var tenant = _grid.Grains.GetGrain<ITenantGrain>("somebody");
        await FailOnceAsync("tenant-directory", () => tenant.SetAsync(new TenantSettings()));
        (await tenant.GetAsync()).ShouldBeNull();
        await tenant.SetAsync(new TenantSettings());
        (await _grid.Grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync()).ShouldContain("somebody");
    }

    [Fact]
    public async Task A_build_is_found_in_its_index_when_that_is_stored()
    {
        var index = _grid.Grains.GetGrain<IBuildIndexGrain>("tenant");
        var entry = new BuildEntry("0001", "app", "image", DateTimeOffset.UnixEpoch, "somebody", "hash");
        await FailOnceAsync("build-index", () => index.AddAsync(entry));
        (await index.FindAsync("0001")).ShouldBeNull();
        await index.AddAsync(entry);
        (await index.FindAsync("0001")).ShouldBe(entry);
    }

    [Fact]
    public async Task A_build_that_another_silo_has_added_is_found_by_one_that_was_given_up()
    {
        var index = _grid.Grains.GetGrain<IBuildIndexGrain>("tenant");
        var entry = new BuildEntry("0002", "app", "image", DateTimeOffset.UnixEpoch, "somebody", "hash");
        (await index.FindAsync("0002")).ShouldBeNull();
        var stored = new GrainState<BuildIndexGrainState>();
        await _grid.Storage.ReadStateAsync("build-index", index.GetGrainId(), stored);
        stored.State!.Newest.Add(entry);
        await _grid.Storage.WriteStateAsync("build-index", index.GetGrainId(), stored);

        (await index.FindAsync("0002")).ShouldBe(entry);
        (await index.FindAsync("0003")).ShouldBeNull();
    }
}
