namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>The spans of one build, whichever nodes they came from.</summary>
internal static class BuildTrace
{
    private static readonly string[] Phases = ["analyze", "detect", "restore", "extend build", "extend run", "build", "export"];

    /// <summary>A build's spans: one tree with the request that submitted it, without a span whose parent nobody sent.</summary>
    /// <param name="receiver">Who got them.</param>
    /// <param name="build">The build's key; null for the only one.</param>
    public static List<Span> Of(ReceiverProcess receiver, string? build = null)
    {
        var spans = receiver.Spans;
        var end = spans.Where(s => s.Attributes.ContainsKey("grid.build.state") && (build is null || s.Attributes["grid.build"] == build)).ShouldHaveSingleItem();
        var trace = spans.Where(s => s.TraceId == end.TraceId).ToList();
        var ids = trace.Select(s => s.SpanId).ToHashSet(StringComparer.Ordinal);
        trace.Where(s => s.ParentId.Length > 0 && !ids.Contains(s.ParentId)).Select(s => s.ToString()).ShouldBeEmpty();
        trace.Where(s => s.ParentId.Length == 0).Select(s => s.ToString()).ShouldHaveSingleItem();
        trace.Where(s => s.Name == "submit build").ShouldHaveSingleItem();
        foreach (var phase in Phases)
            trace.ShouldContain(s => s.Name == phase && s.End >= s.Start, phase);
        return trace;
    }
}
