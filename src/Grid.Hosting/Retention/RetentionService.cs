using Grid.Contracts.Retention;
using Grid.Hosting.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Grid.Hosting.Retention;

/// <summary>Tells the grid's retention of this node's pool, when the node has started.</summary>
internal sealed partial class RetentionService(IGrainFactory grains, NodeOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<RetentionService> log) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await grains.GetGrain<IRetentionGrain>(IRetentionGrain.Key).JoinAsync(options.Pool);
                return;
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                // Nothing of the grid is collected meanwhile, which does no harm.
                LogNotJoined(e);
                await Task.Delay(RetryDelay, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                // The node stops; grains go before services do.
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "the grid's retention could not be told of this node; trying again")]
    private partial void LogNotJoined(Exception exception);
}
