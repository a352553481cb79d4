using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;

[assembly: AssemblyFixture(typeof(Grid.Hosting.Tests.Servers.TestServers))]

namespace Grid.Hosting.Tests.Servers;

/// <summary>One server of each kind for all tests, started when the first of them asks. A test whose server is not installed is skipped.</summary>
public sealed class TestServers : IAsyncDisposable
{
    private readonly Lazy<Task<ServerProcess>> _redis = new(() => StartRedisAsync(IPAddress.Loopback));
    private readonly Lazy<Task<ServerProcess>> _azurite = new(() => StartAzuriteAsync(IPAddress.Loopback));
    private readonly Lazy<Task<ServerProcess>> _postgreSql = new(StartPostgreSqlAsync);

    /// <summary>A connection for StackExchange.Redis.</summary>
    public async Task<string> RedisAsync()
    {
        Require(Find("redis-server"), "redis-server is not installed (apt-get install redis-server)");
        return RedisConnection(await _redis.Value);
    }

    /// <summary>A connection string of an Azure Storage account.</summary>
    public async Task<string> AzureAsync()
    {
        RequireAzurite();
        return AzureConnection(await _azurite.Value);
    }

    /// <summary>A connection string for Npgsql; the schema is applied.</summary>
    public async Task<string> PostgreSqlAsync()
    {
        Require(PostgreSqlPrograms, "PostgreSQL is not installed (apt-get install postgresql)");
        return PostgreSqlConnection(await _postgreSql.Value);
    }

    /// <summary>An Azurite of one's own, to be killed and started again; on loopback unless another address is given.</summary>
    public static Task<ServerProcess> StartOwnAzuriteAsync(IPAddress? address = null)
    {
        RequireAzurite();
        return StartAzuriteAsync(address ?? IPAddress.Loopback);
    }

    /// <summary>A Redis of one's own.</summary>
    public static Task<ServerProcess> StartOwnRedisAsync(IPAddress? address = null)
    {
        Require(Find("redis-server"), "redis-server is not installed (apt-get install redis-server)");
        return StartRedisAsync(address ?? IPAddress.Loopback);
    }

    public static string RedisConnection(ServerProcess server) => $"{server.Address}:{server.Port}";

    // The account and key that every Azurite has.
    public static string AzureConnection(ServerProcess server) =>
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
        + $"BlobEndpoint=http://{server.Address}:{server.Port}/devstoreaccount1;";

    public async ValueTask DisposeAsync()
    {
        // One that did not start failed its tests already.
        foreach (var server in new[] { _redis, _azurite, _postgreSql }.Where(s => s is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }))
            await (await server.Value).DisposeAsync();
    }

    private static Task<ServerProcess> StartRedisAsync(IPAddress address) => ServerProcess.StartAsync(Find("redis-server")!, (port, directory) =>
        ["--port", $"{port}", "--bind", $"{address}", "--protected-mode", "no", "--dir", directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always"], address);

    private static Task<ServerProcess> StartAzuriteAsync(IPAddress address) => ServerProcess.StartAsync(Find("node")!, (port, directory) =>
        [AzuriteScript!, "--silent", "--disableTelemetry", "--blobHost", $"{address}", "--blobPort", $"{port}", "--location", directory], address);

    private static async Task<ServerProcess> StartPostgreSqlAsync()
    {
        var programs = PostgreSqlPrograms!;
        var server = await ServerProcess.StartAsync("/bin/sh", (port, directory) =>
        {
            // PostgreSQL does not run as root.
            var asUser = Environment.IsPrivilegedProcess ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";
            var owner = Environment.IsPrivilegedProcess ? $"chown postgres {directory} && " : "";
            return ["-c", $"cd / && {owner}{asUser}{programs}/initdb -D {directory}/data -U grid --auth=trust --no-sync >&2 && exec {asUser}{programs}/postgres -D {directory}/data -p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off"];
        });
        try
        {
            await ApplySchemaAsync(server);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static async Task ApplySchemaAsync(ServerProcess server)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (true)
        {
            using var psql = Process.Start(new ProcessStartInfo(Path.Combine(PostgreSqlPrograms!, "psql"),
                ["-h", "127.0.0.1", "-p", $"{server.Port}", "-U", "grid", "-d", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-f", Path.Combine(Root, "deploy/sql/postgresql.sql")])
            { UseShellExecute = false, RedirectStandardError = true })!;
            var error = await psql.StandardError.ReadToEndAsync(patience.Token);
            await psql.WaitForExitAsync(patience.Token);
            // The port answers before the database does: 2 is psql's code for no connection.
            if (psql.ExitCode == 2 && error.Contains("starting up", StringComparison.Ordinal))
            {
                await Task.Delay(50, patience.Token);
                continue;
            }
            psql.ExitCode.ShouldBe(0, error);
            return;
        }
    }

    private static string PostgreSqlConnection(ServerProcess server) => $"Host=127.0.0.1;Port={server.Port};Username=grid;Database=postgres";

    private static void RequireAzurite()
    {
        Require(Find("node"), "node is not installed (apt-get install nodejs npm)");
        Require(AzuriteScript, "Azurite is not installed (run tests/servers/install.sh)");
    }

    private static void Require(string? path, string reason)
    {
        if (path is null)
            Assert.Skip(reason);
    }

    private static string? AzuriteScript
    {
        get
        {
            var lockFile = Path.Combine(Root, "tests/servers/package-lock.json");
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } own ? own : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            var directory = Path.Combine(cache, "grid/test-servers", Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(lockFile)))[..16]);
            return File.Exists(Path.Combine(directory, "complete")) ? Path.Combine(directory, "node_modules/azurite/dist/src/blob/main.js") : null;
        }
    }

    private static string? PostgreSqlPrograms => Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).Where(d => File.Exists(Path.Combine(d, "initdb"))).Max() : null;

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);

    internal static string Root { get; } = FindRoot();

    /// <summary>From where the tests run: a build for continuous integration does not know where its sources were.</summary>
    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException($"Grid.sln is in no directory above {AppContext.BaseDirectory}");
    }
}
