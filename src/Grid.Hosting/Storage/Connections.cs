using Azure.Core;
using Azure.Storage.Blobs;
using Npgsql;
using StackExchange.Redis;

namespace Grid.Hosting.Storage;

/// <summary>Connections to the services a grid keeps its things in, from their connection strings.</summary>
internal static class Connections
{
    /// <summary>Orleans' name for PostgreSQL.</summary>
    public const string PostgreSqlInvariant = "Npgsql";

    /// <summary>Why this names no Redis; null when it does.</summary>
    public static string? WhyNotRedis(string connection) =>
        Try(() => ConfigurationOptions.Parse(connection).EndPoints.Count > 0) ? null : "want host:port, with more options after commas";

    /// <summary>Why this names no database; null when it does.</summary>
    public static string? WhyNotPostgreSql(string connection) =>
        Try(() => new NpgsqlConnectionStringBuilder(connection).Host is { Length: > 0 }) ? null : "want Host=…;Username=…;Password=…;Database=…";

    /// <summary>Why this names no storage account; null when it does.</summary>
    public static string? WhyNotAzure(string connection) =>
        Try(() => AzureBlobs(connection) is not null) ? null : "want a connection string (BlobEndpoint=…;AccountName=…;AccountKey=…), or an https address with a SAS";

    /// <summary>How to reach Redis. A silo starts before Redis does, and goes on when it comes back.</summary>
    public static ConfigurationOptions Redis(string connection)
    {
        var options = ConfigurationOptions.Parse(connection);
        options.ClientName ??= "grid";
        return options;
    }

    /// <summary>A client of the account. It gives up before a grain call does, so that who waits learns what is wrong.</summary>
    public static BlobServiceClient AzureBlobs(string connection)
    {
        // The newest version of the protocol that Azurite speaks too; nothing of a newer one is used.
        var options = new BlobClientOptions(BlobClientOptions.ServiceVersion.V2026_06_06);
        options.Retry.Mode = RetryMode.Exponential;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
        options.Retry.MaxDelay = TimeSpan.FromSeconds(3);
        options.Retry.MaxRetries = 5;
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(10);
        return Uri.TryCreate(connection, UriKind.Absolute, out var address) && address.Scheme.StartsWith("http", StringComparison.Ordinal)
            ? new BlobServiceClient(address, options)
            : new BlobServiceClient(connection, options);
    }

    /// <summary>False when the answer is no or cannot be given; what these libraries throw at a bad text differs.</summary>
    private static bool Try(Func<bool> isRight)
    {
        try
        {
            return isRight();
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}
