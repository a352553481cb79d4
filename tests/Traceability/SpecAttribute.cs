using Xunit.v3;

namespace Grid.Traceability;

/// <summary>
/// The clauses of the Cloud Native Buildpacks specification a test proves, by their ids in tests/Grid.Conformance.Tests/Clauses (<c>platform/detect.group</c>).
/// docs/conformance.md is made from these; <c>-trait "spec=platform/detect.group"</c> runs the tests of one clause.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class SpecAttribute(params string[] clauses) : Attribute, ITraitAttribute
{
    public IReadOnlyList<string> Clauses { get; } = clauses;

    /// <summary>For a test of recorded cases: the case that shows it.</summary>
    public string? Case { get; init; }

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [.. Clauses.Select(clause => KeyValuePair.Create("spec", clause))];
}
