using System.Diagnostics;

namespace Grid.Benchmarks.Load;

/// <summary>The largest resident set of this process, readers included, while it is watched.</summary>
internal sealed class MemoryWatch : IDisposable
{
    private readonly Timer _timer;
    private long _peak;

    public MemoryWatch() => _timer = new Timer(_ => Look(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));

    public long Peak => _peak;

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        using var process = Process.GetCurrentProcess();
        _peak = Math.Max(_peak, process.WorkingSet64);
    }
}
