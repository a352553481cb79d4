using Azure;
using Grid.Hosting.Configuration;
using Grid.Hosting.Storage;
using Npgsql;
using StackExchange.Redis;

namespace Grid.Hosting.Doctor;

/// <summary>Whether the services that a node's settings name answer.</summary>
internal static class StorageChecks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static IEnumerable<Task<Finding>> Of(NodeOptions options, CancellationToken cancellationToken)
    {
        if (options.RedisConnection.Length > 0)
            yield return RedisAsync(options.RedisConnection);
        if (options.PostgreSqlConnection.Length > 0)
            yield return PostgreSqlAsync(options.PostgreSqlConnection, cancellationToken);
        if (options.AzureConnection.Length > 0)
            yield return AzureAsync(options.AzureConnection, cancellationToken);
        if (options.ContentDirectory is { } directory)
            yield return Task.FromResult(DirectoryIsShared(directory));
    }

    /// <summary>What the nodes share grows until something removes it.</summary>
    public static Finding? Retention(NodeOptions options)
    {
        if (options.Content == SharedContent.None)
            return null;
        var retention = options.Node.Retention;
        var what = $"shared content goes {retention.KeepContent.TotalDays:0.#} days after its last use, finished builds after {retention.KeepBuilds.TotalDays:0.#} days";
        return retention.MaxContentBytes > 0 ? Finding.Ok("retention", what)
            : Finding.Advice("retention", $"{what}; how large the shared tier may grow is not bounded", $"set {NodeSettings.ContentMax.Variable}, such as 500GB, on all nodes");
    }

    private static async Task<Finding> RedisAsync(string connection)
    {
        var options = Connections.Redis(connection);
        (options.ConnectTimeout, options.ConnectRetry) = ((int)Patience.TotalMilliseconds, 1);
        try
        {
            await using var redis = await ConnectionMultiplexer.ConnectAsync(options);
            var time = await redis.GetDatabase().PingAsync();
            return Finding.Ok("redis", $"answers in {time.TotalMilliseconds:0.0} ms");
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return Finding.Missing("redis", e.Message.Split('\n')[0], $"start it (apt-get install redis-server), or correct {NodeSettings.Redis.Variable}");
        }
    }

    private static async Task<Finding> PostgreSqlAsync(string connection, CancellationToken cancellationToken)
    {
        try
        {
            await using var database = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Timeout = (int)Patience.TotalSeconds }.ConnectionString);
            await database.OpenAsync(cancellationToken);
            await using var command = new NpgsqlCommand("SELECT to_regclass('orleansquery') IS NOT NULL", database);
            return await command.ExecuteScalarAsync(cancellationToken) is true
                ? Finding.Ok("postgresql", $"version {database.PostgreSqlVersion}, with Grid's tables")
                : Finding.Missing("postgresql", "has not Grid's tables", "psql -v ON_ERROR_STOP=1 -f deploy/sql/postgresql.sql");
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return Finding.Missing("postgresql", e.Message.Split('\n')[0], $"start it (apt-get install postgresql), or correct {NodeSettings.PostgreSql.Variable}");
        }
    }

    private static async Task<Finding> AzureAsync(string connection, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        var client = Connections.AzureBlobs(connection);
        try
        {
            await foreach (var _ in client.GetBlobContainersAsync(cancellationToken: patience.Token))
                break;
            return Finding.Ok("azure storage", client.Uri.Host);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            var reason = e is OperationCanceledException ? $"{client.Uri.Host} does not answer within {Patience.TotalSeconds} s" : e.GetBaseException().Message.Split('\n')[0];
            return Finding.Missing("azure storage", reason, $"see whether the account can be reached from here, or correct {NodeSettings.Azure.Variable}");
        }
    }

    private static Finding DirectoryIsShared(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
            var probe = Path.Combine(directory, $".doctor-{Guid.NewGuid():n}");
            File.WriteAllBytes(probe, [0]);
            File.Delete(probe);
            return Finding.Ok("shared content", directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Finding.Missing("shared content", $"{directory}: {e.Message}", $"mount it, or correct {NodeSettings.ContentDirectory.Variable}");
        }
    }
}
