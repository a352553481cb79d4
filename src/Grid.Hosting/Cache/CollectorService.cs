using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Grid.Hosting.Cache;

/// <summary>Collects when the node has started, unless that was done lately, and then again and again.</summary>
internal sealed partial class CollectorService(
    CacheCollector collector, CacheOptions options, GridOptions node, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<CollectorService> log) : BackgroundService
{
    private string Marker => Path.Combine(node.DataDirectory, "collected");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Grains go before services do: what runs then is given up at the first word of it.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        try
        {
            await StartedAsync(stopping.Token);
            while (true)
            {
                await WaitAsync(stopping.Token);
                await CollectAsync(stopping.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private async Task CollectAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Before, not behind: a node that dies of a collection must not begin each start with it.
            await File.WriteAllTextAsync(Marker, "", stoppingToken);
            var done = await collector.CollectAsync(new CacheLimits(), stoppingToken);
            LogCollected(done.Steps, done.Blobs, done.BlobBytes, done.Snapshots, done.SnapshotBytes, done.Journals);
            if (done.BytesOver > 0)
                LogOver(done.BytesOver);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailed(e);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new OperationCanceledException("the node stops", e, stoppingToken);
        }
    }

    /// <summary>Waits until the last collection, by whichever process, was an interval ago.</summary>
    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        var last = File.Exists(Marker) ? new DateTimeOffset(File.GetLastWriteTimeUtc(Marker), TimeSpan.Zero) : DateTimeOffset.MinValue;
        var rest = last == DateTimeOffset.MinValue ? TimeSpan.Zero : last + options.Interval - time.GetUtcNow();
        if (rest > TimeSpan.Zero)
            await Task.Delay(rest < options.Interval ? rest : options.Interval, time, stoppingToken);
    }

    /// <summary>Grains can be asked from then on.</summary>
    private async Task StartedAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    [LoggerMessage(1, LogLevel.Information, "collected {Steps} steps, {Blobs} blobs ({BlobBytes} bytes), {Snapshots} unpacked layers ({SnapshotBytes} bytes), {Journals} journals")]
    private partial void LogCollected(int steps, int blobs, long blobBytes, int snapshots, long snapshotBytes, int journals);

    [LoggerMessage(2, LogLevel.Warning, "the caches are {Bytes} bytes over their bound: unfinished builds need what is left")]
    private partial void LogOver(long bytes);

    [LoggerMessage(3, LogLevel.Error, "the caches could not be collected")]
    private partial void LogFailed(Exception exception);
}
