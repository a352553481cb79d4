namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>Sandboxes that were found and neither taken nor ended yet.</summary>
internal sealed class SurvivorTable : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Survivor> _survivors = [];

    public IReadOnlyList<SurvivingSandbox> All
    {
        get
        {
            lock (_gate)
                return [.. _survivors.Select(survivor => survivor.Description)];
        }
    }

    public void Add(Survivor survivor)
    {
        lock (_gate)
            _survivors.Add(survivor);
    }

    /// <summary>The one for this work, which is the caller's from now on; null when there is none.</summary>
    public Survivor? Take(SandboxIdentity identity) => Take(survivor => survivor.Record.Identity == identity);

    /// <inheritdoc cref="Take(SandboxIdentity)"/>
    public Survivor? Take(string handle) => Take(survivor => survivor.Description.Handle == handle);

    public void Dispose()
    {
        lock (_gate)
        {
            _survivors.ForEach(survivor => survivor.Dispose());
            _survivors.Clear();
        }
    }

    private Survivor? Take(Predicate<Survivor> fits)
    {
        lock (_gate)
        {
            var found = _survivors.FindIndex(fits);
            if (found < 0)
                return null;
            var survivor = _survivors[found];
            _survivors.RemoveAt(found);
            return survivor;
        }
    }
}
