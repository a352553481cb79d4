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
public sealed partial class WorkerAgent(
    WorkRunner runner, BuildDirectories builds, ISharedContent shared, WarmContent warm, IGrainFactory grains, TimeProvider time, ILogger<WorkerAgent> log) : IAsyncDisposable
{
    private static readonly TimeSpan[] ReportDelays = [.. Enumerable.Range(0, 8).Select(n => TimeSpan.FromMilliseconds(50 * (1 << n)))];
    private readonly ConcurrentDictionary<string, Work> _work = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Builds the node has work of, running or remembered.</summary>
    public IReadOnlyList<string> Builds => [.. _work.Values.Select(w => w.BuildKey).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

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
        var created = new Work(item.BuildKey, cancellation, new Lazy<Task<WorkReport>>(() => Task.Run(() => RunAsync(item, cancellation.Token))));
        var work = _work.GetOrAdd(item.Handle, created);
        if (ReferenceEquals(work, created))
        {
            _ = TellAsync(item, work);
            return;
        }
        cancellation.Dispose();
        TellAgain(item, work);
    }

    private void TellAgain(WorkItem item, Work work)
    {
        if (work.Report.Value.IsCompleted)
            _ = TellAsync(item, work);
    }

    /// <summary>Stops the work; its owner is told when its processes are gone. False when there is no such work.</summary>
    public bool Cancel(string handle)
    {
        if (!_work.TryGetValue(handle, out var work))
            return false;
        work.Cancellation.Cancel();
        return true;
    }

    /// <summary>Ends what still runs for a build and removes its directories.</summary>
    public async Task ReleaseAsync(string buildKey)
    {
        foreach (var (handle, work) in _work.Where(w => w.Value.BuildKey == buildKey).ToArray())
            await ForgetAsync(handle, work);
        builds.Delete(buildKey);
    }

    /// <summary>Waits until nothing runs.</summary>
    public async Task IdleAsync(CancellationToken cancellationToken)
    {
        while (_work.Values.Where(w => !w.Report.Value.IsCompleted).Select(w => w.Report.Value).ToArray() is { Length: > 0 } running)
            await Task.WhenAll(running).WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Stops everything without a word: it is somebody else's now, and a report from here could only be taken for the other's. The directories go too.
    /// </summary>
    public async Task AbandonAsync()
    {
        foreach (var (handle, work) in _work.ToArray())
        {
            work.Abandoned = true;
            await ForgetAsync(handle, work);
            builds.Delete(work.BuildKey);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var work in _work.Values)
            work.Abandoned = true;
        await _stopping.CancelAsync();
        await Task.WhenAll(_work.Values.Select(w => w.Report.Value));
        _stopping.Dispose();
    }

    private async Task ForgetAsync(string handle, Work work)
    {
        await work.Cancellation.CancelAsync();
        await work.Report.Value;
        if (_work.TryRemove(handle, out _))
            work.Cancellation.Dispose();
    }

    private async Task<WorkReport> RunAsync(WorkItem item, CancellationToken cancellationToken)
    {
        var name = WorkRunner.NameOf(item);
        using var span = GridTelemetry.Start(name, item.TraceParent);
        span?.SetTag("grid.build", item.BuildKey);
        var report = new WorkReport(item.Handle);
        var started = time.GetTimestamp();
        WorkMetrics.Started(name);
        LogStarted(item.Handle);
        try
        {
            warm.Add(item switch { AnalyzeWork work => work.Warm, PinWork work => work.Warm, _ => [] });
            await shared.FetchAsync(WorkBlobs.NeededBy(item), cancellationToken);
            var result = await runner.RunAsync(item, span, cancellationToken);
            // Whoever hears of a blob may be on another node: it must be able to get it from then on, even if this node dies.
            await shared.PublishAsync(WorkBlobs.MadeBy(result), cancellationToken);
            report = report with { Result = result };
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
        var outcome = report.Result is not null ? "done" : report.Failure is not null ? "failed" : "cancelled";
        WorkMetrics.Ended(name, outcome, time.GetElapsedTime(started));
        LogEnded(item.Handle, outcome);
        return report;
    }

    /// <summary>Tells the owner, again when that fails, until it knows or the build is released: a report that is lost would leave the build waiting.</summary>
    /// <remarks>Not part of the work: a build that ends while it is told must not wait for itself.</remarks>
    private async Task TellAsync(WorkItem item, Work work)
    {
        var report = await work.Report.Value;
        var owner = grains.GetGrain<IWorkOwner>(item.Owner);
        for (var attempt = 0; !work.Abandoned && (attempt < ReportDelays.Length || _work.ContainsKey(item.Handle)); attempt++)
        {
            try
            {
                await owner.ReportAsync(report);
                return;
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                LogReportFailed(item.Handle, e);
                await Task.Delay(ReportDelays[Math.Min(attempt, ReportDelays.Length - 1)], time).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Error, "work {Handle} failed unexpectedly")]
    private partial void LogDefect(string handle, Exception exception);

    [LoggerMessage(2, LogLevel.Warning, "the outcome of {Handle} could not be reported; trying again")]
    private partial void LogReportFailed(string handle, Exception exception);

    [LoggerMessage(3, LogLevel.Information, "work {Handle} begins")]
    private partial void LogStarted(string handle);

    [LoggerMessage(4, LogLevel.Information, "work {Handle} has ended: {Outcome}")]
    private partial void LogEnded(string handle, string outcome);

    private sealed record Work(string BuildKey, CancellationTokenSource Cancellation, Lazy<Task<WorkReport>> Report)
    {
        /// <summary>Its owner is not told any more.</summary>
        public volatile bool Abandoned;
    }
}
