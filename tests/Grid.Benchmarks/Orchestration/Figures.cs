using System.Text;

namespace Grid.Benchmarks.Orchestration;

/// <summary>A table of figures of different kinds: a name and a text for each column.</summary>
/// <param name="Title">Heading.</param>
/// <param name="Columns">Names of the columns behind the first.</param>
internal sealed record Figures(string Title, params string[] Columns)
{
    private readonly List<string[]> _rows = [];

    public IReadOnlyList<string[]> Rows => _rows;

    /// <summary>Adds a row: its name, then a text for each column.</summary>
    public void Add(string name, params string[] values) => _rows.Add([name, .. values]);

    public string ToText()
    {
        var text = new StringBuilder($"\n### {Title}\n\n| | {string.Join(" | ", Columns)} |\n|---|{string.Concat(Columns.Select(_ => "---|"))}\n");
        foreach (var row in _rows)
            text.Append($"| {string.Join(" | ", row)} |\n");
        return text.ToString();
    }

    /// <summary>A duration with as many digits as it deserves.</summary>
    public static string Of(TimeSpan time) => time.TotalMilliseconds switch
    {
        < 10 => $"{time.TotalMilliseconds:0.0} ms",
        < 1000 => $"{time.TotalMilliseconds:0} ms",
        _ => $"{time.TotalSeconds:0.0} s",
    };

    /// <summary>A percentile by nearest rank.</summary>
    public static string Of(IEnumerable<TimeSpan> times, double percentile) => Of(Percentile(times, percentile));

    /// <summary>Bytes in KB or MB of 1,000.</summary>
    public static string OfBytes(double bytes) => bytes < 1e6 ? $"{bytes / 1e3:0.0} KB" : $"{bytes / 1e6:0.0} MB";

    public static TimeSpan Percentile(IEnumerable<TimeSpan> times, double percentile)
    {
        var sorted = times.Order().ToList();
        return sorted[(int)Math.Ceiling(percentile * sorted.Count) - 1];
    }
}
