using System.Runtime.ExceptionServices;
using Grid.Contracts;
using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Grains.Machines;
using Orleans.Runtime;

namespace Grid.Grains.Builds;

/// <summary>How a build ends, whatever its end is.</summary>
public sealed partial class BuildGrain
{
    /// <summary>
    /// Records the end and tells it. What cannot be done now is thrown in the end and done the next time, by the timer or the reminder, which is the last to
    /// go: every part of it can be repeated.
    /// </summary>
    private async Task FinishAsync()
    {
        var progress = State.Progress;
        var failures = new List<Exception>();
        if (progress.State == BuildState.Succeeded && State.App is not null)
            await TryAsync(RememberAsync, failures);
        foreach (var node in new[] { progress.Placement?.Home?.Node, progress.Placement?.RunExtension?.Node }.OfType<string>().Distinct())
            await ReleaseAsync(node);
        if (State is { Quota: not null, StartedAt: { } started, FinishedAt: { } ended })
            await TryAsync(() => GrainFactory.GetGrain<ITenantUsageGrain>(TenantUsage.KeyOf(Request.Tenant, started)).AddAsync(Key, (ended - started).TotalSeconds), failures);
        if (Request.SecretIds.Length > 0)
            await TryAsync(() => GrainFactory.GetGrain<ISecretsGrain>(Key).ClearAsync(), failures);
        if (!_finished)
        {
            using (GridTelemetry.Within(_span))
            {
                BuildMetrics.Ended(progress.State, Request.Class, time.GetUtcNow() - State.SubmittedAt);
                LogEnded(Key, progress.State);
            }
            events.Append(Key, new BuildFinished(progress.State, BuildAnswers.ExitCodeOf(progress)) { At = time.GetUtcNow(), Failure = Status().Failure, Image = State.Image });
        }
        _finished = true;
        // Who watches waits for the end: it must be there before nothing reminds of this build any more.
        await TryAsync(() => events.FlushAsync(Key, CancellationToken.None), failures);
        await TryAsync(() => Queue.EndedAsync(Key), failures);
        if (progress.State == BuildState.Failed)
            _span.Fail(progress.Failure!.Message);
        _span?.SetTag("grid.build.state", progress.State.ToString());
        _span?.Dispose();
        _span = null;
        if (failures.Count > 0)
            ExceptionDispatchInfo.Throw(failures[0]);
        await RemoveReminderAsync();
    }

    /// <summary>Gives the app what its next build starts from.</summary>
    private Task RememberAsync() => App.PublishedAsync(new AppBuild
    {
        Summary = new AppBuildSummary(Key, State.Image!, time.GetUtcNow()),
        Cache = State.App!.Cache,
        Extensions = [.. State.BuildRecords, .. State.RunRecords],
    });

    private static async Task TryAsync(Func<Task> action, List<Exception> failures)
    {
        try
        {
            await action();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            failures.Add(e);
        }
    }

    /// <summary>Lets a node let go of the build. One that cannot be told hears it from its queue, or has lost all it had.</summary>
    private async Task ReleaseAsync(string node)
    {
        try
        {
            await GrainFactory.GetGrain<IWorkerGrain>(node).ReleaseAsync(Key);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (!_finished)
                events.Append(Key, new OutputWritten(Phase.Export, $"Warning: what the build left on {node} could not be put in order: {e.Message}\n", IsError: true) { At = time.GetUtcNow() });
        }
    }

    private async Task RemoveReminderAsync()
    {
        if (reminders is not null && await reminders.GetReminder(this.GetGrainId(), ReminderName) is { } reminder)
            await reminders.UnregisterReminder(this.GetGrainId(), reminder);
    }
}
