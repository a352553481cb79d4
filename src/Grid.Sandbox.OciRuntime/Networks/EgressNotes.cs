namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>What was kept from the processes of a network, for people: each thing once, and not without end.</summary>
internal sealed class EgressNotes
{
    private const int Max = 100;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _known = [];
    private readonly List<string> _fresh = [];

    /// <summary>Notes something.</summary>
    public void Add(string note)
    {
        lock (_gate)
        {
            if (_known.Count > Max || !_known.Add(note))
                return;
            _fresh.Add(_known.Count > Max ? "more names were refused; they are not shown" : note);
        }
    }

    /// <summary>What is new since the last time.</summary>
    public IReadOnlyList<string> Take()
    {
        lock (_gate)
        {
            var taken = _fresh.ToArray();
            _fresh.Clear();
            return taken;
        }
    }
}
