namespace Grid.Benchmarks.Reports;

/// <summary>Seconds by row; the values of a row are in the order of the rounds.</summary>
internal sealed class Table(string title)
{
    private readonly List<string> _order = [];
    private readonly Dictionary<string, List<double>> _values = [];

    public string Title => title;

    /// <summary>Whether rows are compared with the first one.</summary>
    public bool HasRatios { get; init; } = true;

    /// <summary>Sets the order of rows before they have values.</summary>
    public void Declare(params string[] rows)
    {
        foreach (var row in rows)
            Values(row);
    }

    public void Add(string row, double seconds) => Values(row).Add(seconds);

    /// <summary>Forgets the values; rows keep their places.</summary>
    public void Clear()
    {
        foreach (var values in _values.Values)
            values.Clear();
    }

    public IReadOnlyList<Row> Rows()
    {
        var first = _order.Count == 0 ? [] : _values[_order[0]];
        return
        [
            .. _order.Where(row => _values[row].Count > 0).Select(row => new Row(
                row, _values[row].Count, Median(_values[row]), _values[row].Min(), _values[row].Max(),
                HasRatios ? Median(_values[row].Zip(first, (value, reference) => value / reference)) : null, [.. _values[row]])),
        ];
    }

    private List<double> Values(string row)
    {
        if (!_values.TryGetValue(row, out var values))
        {
            _order.Add(row);
            _values[row] = values = [];
        }
        return values;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}

/// <summary>A row's statistics in seconds.</summary>
/// <param name="Ratio">Median of the ratios to the table's first row, taken round by round.</param>
/// <param name="Values">In the order of the rounds.</param>
internal sealed record Row(string Name, int Count, double Median, double Min, double Max, double? Ratio, IReadOnlyList<double> Values);
