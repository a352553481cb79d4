using Grid.Contracts.Retention;

namespace Grid.Grains.Retention;

/// <summary>What a run consists of. Every part can be done again, and a part that was done by another silo needs no repetition.</summary>
public interface IRetention
{
    /// <summary>How many parts a run has.</summary>
    int Parts { get; }

    /// <summary>Does one part, counted from 0.</summary>
    /// <param name="run">The run it belongs to; what was found out for it is used for its other parts.</param>
    /// <param name="part">Which.</param>
    /// <param name="cancellationToken">The silo is going away.</param>
    Task<RetentionTally> DoAsync(RetentionRun run, int part, CancellationToken cancellationToken);
}

/// <summary>A run.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Request">What it removes beyond what is due.</param>
/// <param name="Pools">The grid's pools.</param>
public sealed record RetentionRun(int Number, RetentionRequest Request, IReadOnlyList<string> Pools);

/// <summary>How long a grid keeps things that all its nodes share. The same on all silos.</summary>
public sealed record RetentionOptions
{
    /// <summary>How often a run begins.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Finished builds are forgotten after this time, with their journals.</summary>
    public TimeSpan KeepBuilds { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Finished builds of an app that are kept; 0 for no bound.</summary>
    public int KeepBuildsPerApp { get; init; }

    /// <summary>An idempotency key is remembered for this time after it was used first.</summary>
    public TimeSpan KeepKeys { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Content that no cached step and no unfinished build needs goes when nobody used it for this long, and with it that a tenant has uploaded it.</summary>
    public TimeSpan KeepContent { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Bytes of content a run leaves, least recently used first to go; 0 for no bound.</summary>
    public long MaxContentBytes { get; init; }

    /// <summary>What was used so short a time ago, or so short before the oldest unfinished build, is never removed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(6);
}
