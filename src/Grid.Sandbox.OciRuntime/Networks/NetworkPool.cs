namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>
/// Networks for sandboxes. One is taken by one sandbox at a time; when nothing runs in it any more it is kept for the next one, so a chain of steps
/// makes one network, not one for each.
/// </summary>
internal sealed class NetworkPool(SandboxEgress egress) : IDisposable
{
    private const int MaxIdle = 4;
    private readonly Lock _gate = new();
    private readonly Stack<SandboxNetwork> _idle = [];
    private readonly SemaphoreSlim _deciding = new(1);
    private SandboxEgress? _decided;
    private bool _disposed;

    /// <summary>Why sandboxes share the machine's network although nobody asked for it; null when they do not.</summary>
    public string? Warning { get; private set; }

    /// <summary>What holds on this machine: one of the three that are not <see cref="SandboxEgress.Auto"/>. The first call tries it.</summary>
    public async Task<SandboxEgress> DecideAsync(CancellationToken cancellationToken)
    {
        if (_decided is { } known)
            return known;
        await _deciding.WaitAsync(cancellationToken);
        try
        {
            return _decided ??= await Task.Run(Decide, cancellationToken);
        }
        finally
        {
            _deciding.Release();
        }
    }

    /// <summary>A network that nobody else uses. One with a list is always a new one, and never kept.</summary>
    public Task<SandboxNetwork> RentAsync(EgressRules? rules, CancellationToken cancellationToken)
    {
        if (rules is not null)
            return Task.Run(() => SandboxNetwork.Create(rules), cancellationToken);
        lock (_gate)
        {
            while (_idle.TryPop(out var network))
            {
                if (network.IsAlive)
                    return Task.FromResult(network);
                network.Dispose();
            }
        }
        return Task.Run(() => SandboxNetwork.Create(rules: null), cancellationToken);
    }

    /// <summary>Gives a network back, in which nothing runs any more.</summary>
    public void Return(SandboxNetwork network)
    {
        lock (_gate)
        {
            if (!_disposed && !network.IsListed && _idle.Count < MaxIdle)
            {
                _idle.Push(network);
                return;
            }
        }
        network.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            while (_idle.TryPop(out var network))
                network.Dispose();
        }
        _deciding.Dispose();
    }

    private SandboxEgress Decide()
    {
        if (egress is SandboxEgress.None or SandboxEgress.Host)
            return egress;
        try
        {
            Return(SandboxNetwork.Create(rules: null));
            return SandboxEgress.Open;
        }
        catch (SandboxException failure) when (egress == SandboxEgress.Auto)
        {
            Warning = $"processes in sandboxes can reach this machine's own services: {failure.Message}";
            return SandboxEgress.Host;
        }
    }
}
