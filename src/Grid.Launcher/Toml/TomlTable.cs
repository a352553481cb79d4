namespace Grid.Launcher.Toml;

/// <summary>
/// A table of a TOML document. Values are <see cref="string"/>, <see cref="bool"/>, <see cref="TomlTable"/>, <c>List&lt;object&gt;</c> or
/// <see cref="TomlScalar"/>.
/// </summary>
internal sealed class TomlTable(string where)
{
    private readonly Dictionary<string, object> _values = [];

    /// <summary>Header tables may be reopened by sub-tables, inline tables and dotted ones may not be extended.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Defined by its own header.</summary>
    public bool HasHeader { get; set; }

    public IEnumerable<KeyValuePair<string, object>> Values => _values;

    public object? Find(string key) => _values.GetValueOrDefault(key);

    public bool TryAdd(string key, object value) => _values.TryAdd(key, value);

    public LaunchException Error(string what) => new($"{where}: {what}");

    public string? Text(string key) => Find(key) switch
    {
        null => null,
        string text => text,
        _ => throw Error($"'{key}' must be a string"),
    };

    public bool Flag(string key) => Find(key) switch
    {
        null => false,
        bool flag => flag,
        _ => throw Error($"'{key}' must be true or false"),
    };

    /// <summary>A string counts as a list of one: platform API 0.9 and older write a process's command so.</summary>
    public IReadOnlyList<string> TextOrTexts(string key)
    {
        if (Find(key) is string single)
            return [single];
        var texts = new List<string>();
        foreach (var item in Items(key))
            texts.Add(item as string ?? throw Error($"'{key}' must be a list of strings"));
        return texts;
    }

    public IEnumerable<TomlTable> Tables(string key)
    {
        foreach (var item in Items(key))
            yield return item as TomlTable ?? throw Error($"'{key}' must be a list of tables");
    }

    private List<object> Items(string key) => Find(key) switch
    {
        null => [],
        List<object> items => items,
        _ => throw Error($"'{key}' must be a list"),
    };
}

/// <summary>A number or a date: the launcher needs none, so it keeps the text.</summary>
internal sealed record TomlScalar(string Text);
