using Grid.Contracts.Queues;
using Grid.Contracts.Retention;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Timers;

namespace Grid.Grains.Retention;

/// <summary>What is stored of the grid's retention.</summary>
[GenerateSerializer, Alias("grid.RetentionState")]
public sealed class RetentionGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Pools that have nodes.</summary>
    [Id(1)] public List<string> Pools { get; set; } = [];

    /// <summary>The run that goes on, or the last one.</summary>
    [Id(2)] public RetentionStatus Status { get; set; } = new();

    /// <summary>What was asked of that run.</summary>
    [Id(3)] public RetentionRequest Request { get; set; } = new();
}

/// <inheritdoc cref="IRetentionGrain"/>
/// <remarks>
/// A run is parts, one a turn of a timer; every few of them it is stored how far it is. The reminder begins runs, and wakes one whose silo is gone.
/// </remarks>
[GrainType("grid.retention")]
public sealed partial class RetentionGrain(
    [PersistentState("retention", GridStorage.Name)] IPersistentState<RetentionGrainState> state,
    IRetention retention, RetentionOptions options, TimeProvider time, ILogger<RetentionGrain> log, IReminderRegistry? reminders = null) : Grain, IRetentionGrain, IRemindable
{
    private const string ReminderName = "retention";
    private const int StoredEvery = 16;
    private static readonly TimeSpan ReminderPeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10);
    private IGrainTimer? _timer;

    private RetentionGrainState State => state.State;

    private bool IsRunning => State.Status is { StartedAt: not null, FinishedAt: null };

    public async Task JoinAsync(string pool)
    {
        if (!State.Pools.Contains(pool))
        {
            State.Pools.Add(pool);
            await this.SaveOrReadAsync(state);
        }
        if (reminders is not null && await reminders.GetReminder(this.GetGrainId(), ReminderName) is null)
            await reminders.RegisterOrUpdateReminder(this.GetGrainId(), ReminderName, ReminderPeriod, ReminderPeriod);
    }

    public async Task<RetentionStatus> CollectAsync(RetentionRequest request)
    {
        if (!IsRunning)
        {
            State.Request = request;
            State.Status = new RetentionStatus { Run = State.Status.Run + 1, StartedAt = time.GetUtcNow(), Parts = retention.Parts };
            await this.SaveOrReadAsync(state);
        }
        EnsureTimer();
        return State.Status;
    }

    public Task<RetentionStatus> GetStatusAsync() => Task.FromResult(State.Status);

    public async Task<DateTimeOffset?> OldestUnfinishedAsync()
    {
        DateTimeOffset? oldest = null;
        foreach (var pool in State.Pools.ToArray())
        {
            var status = await GrainFactory.GetGrain<IQueueGrain>(pool).GetStatusAsync(1);
            foreach (var submitted in status.Running.Select(r => r.Build.SubmittedAt).Concat(status.Waiting.Select(w => w.Since)))
                oldest = oldest is { } at && at < submitted ? at : submitted;
        }
        return oldest;
    }

    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        if (IsRunning)
            EnsureTimer();
        else if (State.Status.StartedAt is not { } last || time.GetUtcNow() - last >= options.Interval)
            await CollectAsync(new RetentionRequest());
    }

    private void EnsureTimer() => _timer ??= this.RegisterGrainTimer(OnTickAsync, new GrainTimerCreationOptions(TimeSpan.Zero, TimeSpan.FromMilliseconds(1)) { Interleave = true, KeepAlive = true });

    private async Task OnTickAsync(CancellationToken cancellationToken)
    {
        if (!IsRunning)
        {
            _timer?.Dispose();
            _timer = null;
            return;
        }
        try
        {
            await DoPartAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing is lost: the part is done again.
            if (State.Status.Problem is null)
                LogStuck(State.Status.Run, e);
            State.Status = State.Status with { Problem = e.Message };
            _timer?.Change(RetryDelay, RetryDelay);
        }
    }

    private async Task DoPartAsync(CancellationToken cancellationToken)
    {
        var status = State.Status;
        var run = new RetentionRun(status.Run, State.Request, [.. State.Pools]);
        var removed = await retention.DoAsync(run, status.Done, cancellationToken);
        RetentionMetrics.Removed(removed);
        status = status with { Done = status.Done + 1, Tally = status.Tally + removed, Problem = null };
        if (State.Status.Problem is not null)
            _timer?.Change(TimeSpan.Zero, TimeSpan.FromMilliseconds(1));
        if (status.Done >= status.Parts)
        {
            status = status with { FinishedAt = time.GetUtcNow() };
            LogFinished(status.Run, status.Tally.Builds, status.Tally.Blobs, status.Tally.BlobBytes, status.Tally.BytesLeft);
        }
        State.Status = status;
        if (status.FinishedAt is not null || status.Done % StoredEvery == 0)
            await this.SaveOrReadAsync(state);
    }

    [LoggerMessage(1, LogLevel.Information, "retention run {Run}: {Builds} builds forgotten, {Blobs} blobs ({Bytes} bytes) removed from the shared tier; {BytesLeft} bytes are left")]
    private partial void LogFinished(int run, int builds, long blobs, long bytes, long bytesLeft);

    [LoggerMessage(2, LogLevel.Error, "retention run {Run} does not get on; trying again")]
    private partial void LogStuck(int run, Exception exception);
}
