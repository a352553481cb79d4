using Xunit.v3;

namespace Grid.Traceability;

/// <summary>
/// The row of the list of decisions (tests/Grid.Conformance.Tests/Clauses/decisions.txt: where the reference and the specification differ) whose choice a test proves.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class DecisionAttribute(int row) : Attribute, ITraitAttribute
{
    public int Row { get; } = row;

    /// <summary>For a test of recorded cases: the case that shows it.</summary>
    public string? Case { get; init; }

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [KeyValuePair.Create("decision", Row.ToString(System.Globalization.CultureInfo.InvariantCulture))];
}
