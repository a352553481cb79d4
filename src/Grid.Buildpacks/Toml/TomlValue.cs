namespace Grid.Buildpacks.Toml;

/// <summary>Where something stands in a TOML file.</summary>
/// <param name="File">The name the file was parsed under; empty for values we made.</param>
/// <param name="Line">1-based; 0 for values we made.</param>
/// <param name="Column">1-based; 0 for values we made.</param>
public readonly record struct TomlPosition(string File, int Line, int Column);

/// <summary>The types of TOML v1.0 that are not arrays or tables.</summary>
public enum TomlScalarKind
{
    /// <summary>Text.</summary>
    String = 0,
    Integer = 1,
    Float = 2,
    Boolean = 3,
    /// <summary>An offset date-time, a local date-time, a local date or a local time, kept as written.</summary>
    DateTime = 4,
}

/// <summary>A value of a TOML document: <see cref="TomlScalar"/>, <see cref="TomlArray"/> or <see cref="TomlTable"/>.</summary>
public abstract class TomlValue
{
    /// <summary>Where it stands; default for values that were not read from a file.</summary>
    public TomlPosition Position { get; internal init; }

    /// <summary>What it is, for messages: "a string", "an array".</summary>
    public abstract string Description { get; }

    public static implicit operator TomlValue(string value) => new TomlScalar(value);

    public static implicit operator TomlValue(bool value) => new TomlScalar(value);

    public static implicit operator TomlValue(long value) => new TomlScalar(value);

    public static implicit operator TomlValue(double value) => new TomlScalar(value);

    public static implicit operator TomlValue(List<string> values) => new TomlArray(values.Select(v => (TomlValue)v));

    public static implicit operator TomlValue(string[] values) => new TomlArray(values.Select(v => (TomlValue)v));
}

/// <summary>A string, integer, float, boolean or date-time.</summary>
public sealed class TomlScalar : TomlValue
{
    private readonly long _integer;
    private readonly double _float;

    /// <summary>A string.</summary>
    public TomlScalar(string value) => Text = value;

    /// <summary>A boolean.</summary>
    public TomlScalar(bool value) => (Kind, Text) = (TomlScalarKind.Boolean, value ? "true" : "false");

    /// <summary>An integer.</summary>
    public TomlScalar(long value) => (Kind, Text, _integer) = (TomlScalarKind.Integer, value.ToString(), value);

    /// <summary>A float; a whole one keeps its ".0", so that it is read back as a float.</summary>
    public TomlScalar(double value) => (Kind, Text, _float) = (TomlScalarKind.Float, FloatText(value), value);

    private TomlScalar(TomlScalarKind kind, string text) => (Kind, Text) = (kind, text);

    public TomlScalarKind Kind { get; }

    /// <summary>The string itself; for other kinds their TOML text.</summary>
    public string Text { get; }

    /// <summary>The number of an <see cref="TomlScalarKind.Integer"/>.</summary>
    public long Integer => Kind == TomlScalarKind.Integer ? _integer : throw new InvalidOperationException($"'{Text}' is {Description}, not an integer");

    /// <summary>The number of a <see cref="TomlScalarKind.Float"/>.</summary>
    public double Float => Kind == TomlScalarKind.Float ? _float : throw new InvalidOperationException($"'{Text}' is {Description}, not a float");

    /// <summary>The truth of a <see cref="TomlScalarKind.Boolean"/>.</summary>
    public bool Boolean => Kind == TomlScalarKind.Boolean ? Text == "true" : throw new InvalidOperationException($"'{Text}' is {Description}, not a boolean");

    public override string Description => Kind switch
    {
        TomlScalarKind.String => "a string",
        TomlScalarKind.Integer => "an integer",
        TomlScalarKind.Float => "a float",
        TomlScalarKind.Boolean => "a boolean",
        _ => "a date-time",
    };

    /// <summary>A date-time, date or time from its TOML text.</summary>
    public static TomlScalar DateTime(string text) => new(TomlScalarKind.DateTime, text);

    internal static TomlScalar At(TomlPosition position, string value) => new(value) { Position = position };

    internal static TomlScalar At(TomlPosition position, bool value) => new(value) { Position = position };

    internal static TomlScalar At(TomlPosition position, long value) => new(value) { Position = position };

    internal static TomlScalar At(TomlPosition position, double value) => new(value) { Position = position };

    internal static TomlScalar DateTimeAt(TomlPosition position, string text) => new(TomlScalarKind.DateTime, text) { Position = position };

    private static string FloatText(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        var text = value.ToString("R").Replace("E", "e", StringComparison.Ordinal);
        return text.Contains('.') || text.Contains('e') ? text : text + ".0";
    }
}

/// <summary>An array; of tables when it was written as <c>[[name]]</c>.</summary>
public sealed class TomlArray : TomlValue
{
    private readonly List<TomlValue> _items;

    /// <summary>An array of these values.</summary>
    public TomlArray(IEnumerable<TomlValue> items) => _items = [.. items];

    public IReadOnlyList<TomlValue> Items => _items;

    /// <summary>Whether it has items and all are tables.</summary>
    public bool HoldsTables => _items.Count > 0 && _items.TrueForAll(i => i is TomlTable);

    public override string Description => "an array";

    /// <summary>Adds an item.</summary>
    public void Add(TomlValue item) => _items.Add(item);
}
