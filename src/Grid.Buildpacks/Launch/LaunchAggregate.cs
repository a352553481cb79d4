namespace Grid.Buildpacks.Launch;

/// <summary>Collects the processes of all buildpacks in their order; later ones replace earlier ones of the same type (buildpack.md §Processes).</summary>
public sealed class LaunchAggregate
{
    private readonly SortedDictionary<string, LaunchProcess> _processes = new(StringComparer.Ordinal);

    /// <summary>The type declared as default last, or empty.</summary>
    public string DefaultType { get; private set; } = "";

    /// <summary>One process for each type, in the order of the types.</summary>
    public IReadOnlyList<LaunchProcess> Processes => [.. _processes.Values];

    /// <summary>Adds a buildpack's processes and gives warnings.</summary>
    public IReadOnlyList<string> Add(IReadOnlyList<LaunchProcess> processes)
    {
        var lost = new List<string>();
        foreach (var process in processes)
        {
            if (process.Default)
            {
                DefaultType = process.Type;
            }
            else if (process.Type == DefaultType)
            {
                lost.Add(process.Type);
                DefaultType = "";
            }
            _processes[process.Type] = process with { Default = false };
        }
        return lost.Count == 0
            ? []
            : [$"Warning: redefining the following default process types with processes not marked as default: [{string.Join(", ", lost)}]"];
    }
}
