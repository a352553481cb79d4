namespace Grid.Grains.Tests.Cluster;

/// <summary>The machine's clock, put forward: what is long past then can be looked at now. Timers run as they do.</summary>
internal sealed class MovedClock : TimeProvider
{
    private long _ticks;

    /// <summary>Puts it forward.</summary>
    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _ticks));
}
