namespace Grid.Contracts.Steps;

/// <summary>Why a step ran although the cache has steps like it: in which fields of the key it differs from the nearest one.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepMiss")]
public sealed record StepMiss
{
    /// <summary>One line for people, such as <c>file package.json changed</c>.</summary>
    [Id(0)] public required string Reason { get; init; }

    /// <summary>The fields that differ, the most general first, at most eight.</summary>
    [Id(1)] public ChangedField[] Changed { get; init; } = [];

    /// <summary>Key of the nearest entry; null when the step was not compared with another.</summary>
    [Id(2)] public string? Nearest { get; init; }

    /// <summary>Build that ran the nearest entry.</summary>
    [Id(3)] public string? NearestBuild { get; init; }
}

/// <summary>A field of a key that differs.</summary>
/// <param name="Name">As a person would say it: <c>ARG version</c>, <c>file package.json</c>.</param>
/// <param name="Before">Its value in the nearest entry, shortened, or the beginning of its digest when it may be confidential; null when it was not there.</param>
/// <param name="After">The same for the step that runs.</param>
[GenerateSerializer, Immutable, Alias("grid.ChangedField")]
public sealed record ChangedField([property: Id(0)] string Name, [property: Id(1)] string? Before, [property: Id(2)] string? After)
{
    /// <summary><c>added</c>, <c>removed</c> or <c>changed</c>.</summary>
    public string Change => Before is null ? "added" : After is null ? "removed" : "changed";
}
