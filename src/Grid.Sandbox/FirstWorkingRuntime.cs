namespace Grid.Sandbox;

/// <summary>The first of several runtimes that works on this node. Which one that is, is found out when it is needed, and stays.</summary>
/// <param name="candidates">In order of preference, by the names users know them by.</param>
public sealed class FirstWorkingRuntime(params IReadOnlyList<(string Name, Func<ISandboxRuntime> Make)> candidates) : ISandboxRuntime, ISnapshotCache, ISandboxSurvivors, IDisposable
{
    private readonly SemaphoreSlim _choosing = new(1);
    private ISandboxRuntime? _chosen;

    /// <inheritdoc/>
    /// <remarks>Before the choice has been made it says what will be tried.</remarks>
    public string Name => _chosen?.Name ?? $"the first that works of {string.Join(", ", candidates.Select(c => c.Name))}";

    /// <inheritdoc/>
    public string? Warning => _chosen?.Warning;

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) => ChooseAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken) =>
        await (await ChooseAsync(cancellationToken)).CreateAsync(spec, cancellationToken);

    /// <inheritdoc/>
    public async Task RecoverAsync(CancellationToken cancellationToken) =>
        await (await ChooseAsync(cancellationToken)).RecoverAsync(cancellationToken);

    /// <inheritdoc/>
    /// <remarks>None before the choice has been made, and when the chosen runtime's engine keeps its own layers.</remarks>
    public IReadOnlyList<UnpackedLayer> ListUnpacked() => (_chosen as ISnapshotCache)?.ListUnpacked() ?? [];

    /// <inheritdoc/>
    public bool TryRemoveUnpacked(string name) => (_chosen as ISnapshotCache)?.TryRemoveUnpacked(name) ?? false;

    /// <inheritdoc/>
    public IReadOnlyList<SurvivingSandbox> Survivors => (_chosen as ISandboxSurvivors)?.Survivors ?? [];

    /// <inheritdoc/>
    public Task EndAsync(SurvivingSandbox survivor) => (_chosen as ISandboxSurvivors)?.EndAsync(survivor) ?? Task.CompletedTask;

    /// <summary>Disposes the chosen runtime.</summary>
    public void Dispose()
    {
        (_chosen as IDisposable)?.Dispose();
        _choosing.Dispose();
    }

    private async Task<ISandboxRuntime> ChooseAsync(CancellationToken cancellationToken)
    {
        await _choosing.WaitAsync(cancellationToken);
        try
        {
            return _chosen ??= await FindAsync(cancellationToken);
        }
        finally
        {
            _choosing.Release();
        }
    }

    private async Task<ISandboxRuntime> FindAsync(CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        foreach (var (name, make) in candidates)
        {
            var runtime = make();
            try
            {
                await runtime.ProbeAsync(cancellationToken);
                return runtime;
            }
            catch (SandboxException failure)
            {
                failures.Add($"{name}: {failure.Message}");
                (runtime as IDisposable)?.Dispose();
            }
        }
        throw new SandboxException($"no sandbox runtime works on this machine:\n  {string.Join("\n  ", failures)}");
    }
}
