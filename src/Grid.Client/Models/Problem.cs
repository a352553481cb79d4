namespace Grid.Client.Models;

/// <summary>An error as RFC 9457 describes it, with a stable code (docs/errors.md).</summary>
public sealed record Problem
{
    /// <summary>Stable word for programs, such as <c>build-not-found</c>.</summary>
    public required string Code { get; init; }

    public required string Title { get; init; }

    public int Status { get; init; }

    /// <summary>What, where, and what to do.</summary>
    public string? Detail { get; init; }

    /// <summary>Each thing that is wrong with the request, by the field's name.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }
}
