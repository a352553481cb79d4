using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>docs/telemetry.md as what is measured is compared with.</summary>
internal static class MetricsPageText
{
    /// <summary>Every metric of ours that was sent is on the page, with its unit, and has no tag that is not on it.</summary>
    public static void CheckTags(IEnumerable<MetricPoint> points)
    {
        var rows = File.ReadLines(Path.Combine(TestMachine.Repository, "docs", "telemetry.md")).Where(l => l.StartsWith("| `grid.", StringComparison.Ordinal))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries)).ToDictionary(c => c[1].Trim('`'), c => (Unit: c[3].Trim('`'), Tags: c[4]), StringComparer.Ordinal);
        foreach (var point in points.Where(p => p.Meter.StartsWith("Grid", StringComparison.Ordinal)))
        {
            rows.ShouldContainKey(point.Name);
            rows[point.Name].Unit.ShouldBe(point.Unit, point.Name);
            point.Tags.Keys.ShouldAllBe(tag => rows[point.Name].Tags.Contains($"`{tag}`", StringComparison.Ordinal), point.ToString());
        }
    }
}
