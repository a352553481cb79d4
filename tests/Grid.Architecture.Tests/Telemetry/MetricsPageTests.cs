namespace Grid.Architecture.Tests.Telemetry;

/// <summary>docs/telemetry.md has each metric of the code, and no other.</summary>
public sealed class MetricsPageTests
{
    [Fact]
    public void Page_Metrics_AreThoseOfTheCode()
    {
        var page = File.ReadLines(Path.Combine(Product.Root, "docs", "telemetry.md")).Where(l => l.StartsWith("| `grid.", StringComparison.Ordinal))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries)).Select(c => $"{c[1].Trim('`')} | {c[2]} | {c[3].Trim('`')} | {c[5]}").ToList();

        page.Order(StringComparer.Ordinal).ShouldBe(Instruments.All.Select(i => $"{i.Name} | {Instruments.KindOf(i)} | {i.Unit} | {i.Description}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Names_AreWordsWithDots_AndUnitsOfUcum() => Instruments.All.ShouldAllBe(i => i.Name.StartsWith("grid.", StringComparison.Ordinal)
        && i.Name.All(c => char.IsAsciiLetterLower(c) || c == '.' || c == '_') && (i.Unit == "s" || i.Unit == "By" || (i.Unit!.StartsWith('{') && i.Unit.EndsWith('}'))));
}
