using Grid.Hosting.Configuration;
using Grid.Hosting.Tests.Servers;

namespace Grid.Hosting.Tests.Storage;

/// <summary>Files, for a grid of one silo.</summary>
public sealed class FileGrainStorageTests : GrainStorageConformance
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-state-").FullName;

    [Fact]
    public async Task A_write_that_was_cut_short_by_a_kill_leaves_the_old_record()
    {
        var grain = NewGrain();
        await WriteAsync(grain, 7);
        var record = Directory.EnumerateFiles(Path.Combine(_directory, "state"), "*", SearchOption.AllDirectories).Single();
        await File.WriteAllTextAsync(record + ".new", "half a rec", TestContext.Current.CancellationToken);

        await using var next = await StorageSilo.StartAsync(await OptionsAsync());
        var state = new StoredState();
        await next.Storage.ReadStateAsync("record", grain, state);

        state.State.Number.ShouldBe(7);
        File.Exists(record + ".new").ShouldBeFalse();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    protected override Task<NodeOptions> OptionsAsync() => Task.FromResult(Sample.Node with { Node = new GridOptions { DataDirectory = _directory } });
}

/// <summary>Redis, Orleans' own storage.</summary>
public sealed class RedisGrainStorageTests(TestServers servers) : GrainStorageConformance
{
    protected override async Task<NodeOptions> OptionsAsync() => Sample.Node with { State = StateStorage.Redis, RedisConnection = await servers.RedisAsync() };
}

/// <summary>PostgreSQL, Orleans' own storage with our schema.</summary>
public sealed class PostgreSqlGrainStorageTests(TestServers servers) : GrainStorageConformance
{
    protected override bool SeparatesTypes => false;

    protected override bool ChecksEveryClear => false;

    protected override async Task<NodeOptions> OptionsAsync() => Sample.Node with { State = StateStorage.PostgreSql, PostgreSqlConnection = await servers.PostgreSqlAsync() };
}
