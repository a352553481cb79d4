using System.Diagnostics;
using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>
/// Looks now and then how much there is in the directories a sandbox writes to, and ends its processes when it is more than they may have. A look is made the
/// less often the longer it takes, so a process can be over the bound for a moment; when it ends it is looked at once more, so it cannot stay over it.
/// </summary>
internal sealed class DiskWatch : IAsyncDisposable
{
    private const int RestForEachLook = 10;
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(250);
    private readonly IReadOnlyList<RootedDirectory> _directories;
    private readonly long _limit;
    private readonly CancellationTokenSource _processes;
    private readonly CancellationTokenSource _over = new();
    private readonly Task _looking;
    private volatile bool _exceeded;

    private DiskWatch(IEnumerable<string> directories, long limit, CancellationTokenSource processes)
    {
        (_directories, _limit, _processes) = ([.. directories.Select(d => new RootedDirectory(d))], limit, processes);
        _looking = limit > 0 ? Task.Run(LookAsync) : Task.CompletedTask;
    }

    /// <summary>Watches directories while processes run.</summary>
    /// <param name="directories">Of the host.</param>
    /// <param name="limit">Bytes of all files together, as a layer would have them; 0 for no bound.</param>
    /// <param name="processes">Cancelled when there is more.</param>
    public static DiskWatch Start(IEnumerable<string> directories, long limit, CancellationTokenSource processes) => new(directories, limit, processes);

    /// <summary>Whether there is more than may be, looked at now.</summary>
    public bool IsExceeded => _limit > 0 && (_exceeded || Look());

    /// <summary>What is to be said then.</summary>
    public SandboxException Describe() => new($"the process was killed because the files it and others of its sandbox wrote have more than {_limit >> 20} MiB, as much as they may; write less, or ask for a higher bound");

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _looking;
        _over.Dispose();
    }

    private async Task LookAsync()
    {
        for (var rest = ShortestRest; !_over.IsCancellationRequested;)
        {
            await Task.Delay(rest, TimeProvider.System, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var look = Stopwatch.StartNew();
            if (Look())
            {
                await _processes.CancelAsync();
                return;
            }
            rest = ShortestRest + look.Elapsed * RestForEachLook;
        }
    }

    private bool Look()
    {
        var bytes = 0L;
        foreach (var directory in _directories)
        {
            try
            {
                foreach (var (_, entry) in directory.Walk())
                {
                    if ((bytes += entry.Size) > _limit)
                        return _exceeded = true;
                }
            }
            catch (IOException)
            {
                // What is looked at lives: a directory that was just removed is seen rightly the next time.
            }
        }
        return false;
    }
}
