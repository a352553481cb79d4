namespace Grid.Conformance.Tests;

/// <summary>One demand of the specification in our words.</summary>
/// <param name="Id">Document and name, as in <c>platform/detect.group</c>.</param>
/// <param name="Section">The part of the document it stands in.</param>
/// <param name="Level">MUST, SHALL, SHOULD NOT …</param>
/// <param name="Demand">What is demanded.</param>
internal sealed record Clause(string Id, string Section, string Level, string Demand)
{
    /// <summary>Why there is no test, or what limits it; null when the tests say it all.</summary>
    public string? Reason { get; init; }

    /// <summary>What does not hold yet; null when it holds.</summary>
    public string? Gap { get; init; }
}

/// <summary>One row of the list of decisions.</summary>
internal sealed record Decision(int Row, string Topic, string Choice)
{
    /// <summary>What is not done yet; null when it is.</summary>
    public string? Gap { get; init; }
}
