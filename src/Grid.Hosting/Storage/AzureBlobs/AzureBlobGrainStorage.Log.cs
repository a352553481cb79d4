using Microsoft.Extensions.Logging;

namespace Grid.Hosting.Storage.AzureBlobs;

public sealed partial class AzureBlobGrainStorage
{
    [LoggerMessage(1, LogLevel.Information, "grain storage {Name} is ready: container {Container} on {Host}, {Milliseconds} ms")]
    private partial void LogStarted(string name, string host, string container, double milliseconds);

    [LoggerMessage(2, LogLevel.Error, "grain storage {Name} cannot use container {Container}")]
    private partial void LogStartFailed(string name, string container, Exception exception);

    [LoggerMessage(3, LogLevel.Error, "cannot {What} {Blob} (ETag {ETag})")]
    private partial void LogFailed(string what, string blob, string? etag, Exception exception);
}
