using System.Text;
using System.Text.Json;

namespace Grid.Benchmarks.Reports;

/// <summary>What a benchmark found, as Markdown and as JSON.</summary>
internal sealed record Report(string Benchmark, int Rounds, string Machine, string LoadAverageAtStart, string LoadAverageAtEnd, IReadOnlyList<Table> Tables)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Where and how, and the tables.</summary>
    public string ToText() => $"{Machine}\n{Rounds} rounds; load at the start {LoadAverageAtStart}, at the end {LoadAverageAtEnd}\n{ToMarkdown()}";

    /// <summary>The tables.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        foreach (var table in Tables)
        {
            text.Append($"\n### {table.Title}\n\n| | median | x | min-max | n |\n|---|---|---|---|---|\n");
            foreach (var row in table.Rows())
                text.Append($"| {row.Name} | {Seconds(row.Median)} | {row.Ratio?.ToString("0.00") ?? ""} | {Seconds(row.Min)}-{Seconds(row.Max)} | {row.Count} |\n");
        }
        return text.Append('\n').ToString();
    }

    /// <summary>Writes <c>BENCHMARK-TIME.json</c> and gives its path.</summary>
    public string WriteJson(string directory, DateTimeOffset now)
    {
        var path = Path.Combine(directory, $"{Benchmark}-{now:yyyyMMddTHHmmssZ}.json");
        var content = new { Benchmark, At = now, Rounds, Machine, LoadAverageAtStart, LoadAverageAtEnd, Tables = Tables.Select(t => new { t.Title, Rows = t.Rows() }) };
        File.WriteAllText(path, JsonSerializer.Serialize(content, Json));
        return path;
    }

    private static string Seconds(double seconds) => Math.Abs(seconds) < 0.9995 ? $"{seconds * 1000:0} ms" : $"{seconds:0.00} s";
}
