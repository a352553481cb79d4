using System.Collections.Concurrent;
using System.Diagnostics;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Microsoft.Extensions.Logging;

namespace Grid.Worker;

/// <summary>
/// What does the work on a node. A handle is started once however often it is asked for; how it ended is told to its owner, and remembered
/// until the build is released, so that asking again gives the same answer.
/// </summary>
public sealed partial class WorkerAgent(WorkRunner runner, BuildDirectories builds, IGrainFactory grains, TimeProvider time, ILogger<WorkerAgent> log) : IAsyncDisposable
{
    private static readonly TimeSpan[] ReportDelays = [.. Enumerable.Range(0, 8).Select(n => TimeSpan.FromMilliseconds(50 * (1 << n)))];
    private readonly ConcurrentDictionary<string, Work> _work = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Starts the work or attaches to it.</summary>
    public void Start(WorkItem item)
    {
        // Owners attach again every few seconds: that must leave nothing behind.
        if (_work.TryGetValue(item.Handle, out var known))
        {
            TellAgain(item, known);
            return;
        }
        var cancellation = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var created = new Work(cancellation, new Lazy<Task<WorkReport>>(() => Task.Run(() => RunAsync(item, cancellation.Token))));
        var work = _work.GetOrAdd(item.Handle, created);
        if (ReferenceEquals(work, created))
        {
            _ = TellAsync(item, work.Report.Value);
            return;
        }
        cancellation.Dispose();
        TellAgain(item, work);
    }

    private void TellAgain(WorkItem item, Work work)
    {
        if (work.Report.Value.IsCompleted)
            _ = TellAsync(item, work.Report.Value);
    }

    /// <summary>Stops the work; its owner is told when its processes are gone.</summary>
    public void Cancel(string handle)
    {
        if (_work.TryGetValue(handle, out var work))
            work.Cancellation.Cancel();
    }

    /// <summary>Ends what still runs for a build and removes its directories.</summary>
    public async Task ReleaseAsync(string buildKey)
    {
        foreach (var (handle, work) in _work.Where(w => w.Key.StartsWith(buildKey + "/", StringComparison.Ordinal)).ToArray())
        {
            await work.Cancellation.CancelAsync();
            await work.Report.Value;
            _work.TryRemove(handle, out _);
            work.Cancellation.Dispose();
        }
        builds.Delete(buildKey);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_work.Values.Select(w => w.Report.Value));
        _stopping.Dispose();
    }

    private async Task<WorkReport> RunAsync(WorkItem item, CancellationToken cancellationToken)
    {
        using var span = GridTelemetry.Start(WorkRunner.NameOf(item), item.TraceParent);
        span?.SetTag("grid.build", item.BuildKey);
        var report = new WorkReport(item.Handle);
        try
        {
            report = report with { Result = await runner.RunAsync(item, span, cancellationToken) };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            span?.SetTag("grid.cancelled", true);
        }
        catch (Exception e)
        {
            report = report with { Failure = Failures.Describe(item, e) };
            span.Fail(report.Failure.Message);
            if (!Failures.IsExpected(e))
                LogDefect(item.Handle, e);
        }
        return report;
    }

    /// <summary>Tells the owner, again when that fails: a report that is lost would leave the build waiting.</summary>
    /// <remarks>Not part of the work: a build that ends while it is told must not wait for itself.</remarks>
    private async Task TellAsync(WorkItem item, Task<WorkReport> work)
    {
        var report = await work;
        var owner = grains.GetGrain<IWorkOwner>(item.Owner);
        foreach (var delay in ReportDelays)
        {
            try
            {
                await owner.ReportAsync(report);
                return;
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                LogReportFailed(item.Handle, e);
                await Task.Delay(delay, time).ConfigureAwait(false);
            }
        }
        LogReportLost(item.Handle);
    }

    [LoggerMessage(1, LogLevel.Error, "work {Handle} failed unexpectedly")]
    private partial void LogDefect(string handle, Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "the outcome of {Handle} could not be reported; trying again")]
    private partial void LogReportFailed(string handle, Exception exception);

    [LoggerMessage(3, LogLevel.Error, "the outcome of {Handle} could not be reported; its owner gets it when it asks again")]
    private partial void LogReportLost(string handle);

    private sealed record Work(CancellationTokenSource Cancellation, Lazy<Task<WorkReport>> Report);
}
