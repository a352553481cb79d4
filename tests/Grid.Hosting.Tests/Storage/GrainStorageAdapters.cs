using Grid.Hosting.Configuration;
using Grid.Hosting.Tests.Servers;

namespace Grid.Hosting.Tests.Storage;

/// <summary>Files, Orleans' own storage for an embedded grid.</summary>
public sealed class FileGrainStorageTests : GrainStorageConformance
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-state-").FullName;

    protected override bool ChecksEveryClear => false;

    protected override bool TakesCallsAtOneTime => false;

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
