using Grid.Contracts.Tenants;
using Grid.Grains.Tests.Cluster;

namespace Grid.Api.Tests;

public sealed class BuildIndexTests : IAsyncLifetime
{
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    private static BuildEntry Entry(int n) => new($"{n:x32}", n % 2 == 0 ? "even" : "odd", "image", DateTimeOffset.UnixEpoch.AddSeconds(n), "key:1", "hash");

    [Fact]
    public async Task List_GoesThroughAllPages_NewestFirst_AndFindsEach()
    {
        var index = _grid.Grains.GetGrain<IBuildIndexGrain>("many");
        const int Count = 450;
        // A few come out of order, as those of two nodes do, and twice, as after a lost answer.
        foreach (var n in Enumerable.Range(0, Count).Select(n => n % 10 == 3 ? n + 1 : n % 10 == 4 ? n - 1 : n))
        {
            await index.AddAsync(Entry(n));
            if (n % 100 == 50)
                await index.AddAsync(Entry(n));
        }

        var all = new List<BuildEntry>();
        while (await index.ListAsync(all.LastOrDefault()?.Id, 70) is { Length: > 0 } page)
            all.AddRange(page);
        all.Select(e => e.Id).ShouldBe(Enumerable.Range(0, Count).Reverse().Select(n => Entry(n).Id));
        (await index.AppsAsync()).ShouldBe(["even", "odd"]);
        foreach (var n in new[] { 0, 199, 200, 201, 399, 400, 449 })
            (await index.FindAsync(Entry(n).Id)).ShouldBe(Entry(n));
        (await index.FindAsync(Entry(450).Id)).ShouldBeNull();
    }

    [Fact]
    public async Task Remove_TakesBuildsOutOfPagesAndOfTheNewest_AndSaysWhetherAnyAreLeft()
    {
        var index = _grid.Grains.GetGrain<IBuildIndexGrain>("some");
        for (var n = 0; n < 250; n++)
            await index.AddAsync(Entry(n));
        int[] gone = [0, 1, 100, 199, 200, 249];

        (await index.RemoveAsync([.. gone.Select(n => Entry(n).Id)])).ShouldBeTrue();
        (await index.RemoveAsync([.. gone.Select(n => Entry(n).Id), Entry(999).Id])).ShouldBeTrue();

        (await index.ListAsync(null, 1000)).Select(e => e.Id).ShouldBe(Enumerable.Range(0, 250).Except(gone).Reverse().Select(n => Entry(n).Id));
        foreach (var n in gone)
            (await index.FindAsync(Entry(n).Id)).ShouldBeNull();
        (await index.FindAsync(Entry(2).Id)).ShouldBe(Entry(2));
        (await index.RemoveAsync([.. Enumerable.Range(0, 250).Select(n => Entry(n).Id)])).ShouldBeFalse();
        await index.RemoveAppAsync("odd");
        (await index.AppsAsync()).ShouldBe(["even"]);
    }
}
