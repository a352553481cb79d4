using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Grid.Api.Builds;

/// <summary>Removes uploads that nobody went on with: at the start of the node, and every hour.</summary>
internal sealed partial class UnfinishedUploads(Uploads uploads, TimeProvider time, ILogger<UnfinishedUploads> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            Remove();
        }
        while (await NextAsync(timer, stoppingToken));
    }

    private void Remove()
    {
        try
        {
            if (uploads.RemoveUnfinished() is > 0 and var removed)
                LogRemoved(removed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What is left is tried again the next time, and does nothing but take room.
            LogFailed(e);
        }
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stoppingToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Information, "{Count} uploads that nobody went on with were removed")]
    private partial void LogRemoved(int count);

    [LoggerMessage(2, LogLevel.Warning, "uploads that nobody went on with could not be removed")]
    private partial void LogFailed(Exception exception);
}
