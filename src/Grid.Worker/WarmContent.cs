namespace Grid.Worker;

/// <summary>What this node worked with lately, the newest first: where else would it be faster?</summary>
public sealed class WarmContent
{
    private const int Capacity = 64;
    private readonly Lock _lock = new();
    private readonly LinkedList<string> _keys = new();

    /// <summary>The names (<see cref="Contracts.Queues.WarmKeys"/>).</summary>
    public string[] Keys
    {
        get
        {
            lock (_lock)
                return [.. _keys];
        }
    }

    /// <summary>Remembers names; the oldest are forgotten.</summary>
    public void Add(IEnumerable<string> keys)
    {
        lock (_lock)
        {
            foreach (var key in keys)
            {
                _keys.Remove(key);
                _keys.AddFirst(key);
            }
            while (_keys.Count > Capacity)
                _keys.RemoveLast();
        }
    }
}
