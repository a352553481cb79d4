using System.Diagnostics.CodeAnalysis;

namespace Grid.Buildpacks.Toml;

/// <summary>
/// A table with its keys in the order they were written. Getters throw <see cref="TomlFormatException"/> that names file, line, column, table and key
/// when a value has another type than asked for. As in the reference lifecycle, a key is found in another case when it is not there in the asked one.
/// </summary>
public sealed class TomlTable : TomlValue
{
    private readonly List<KeyValuePair<string, TomlValue>> _entries = [];

    // Files of modules may have any number of keys: looking them up one by one would take quadratic time.
    private readonly Dictionary<string, int> _positions = new(StringComparer.Ordinal);

    /// <summary>The table's header for messages, such as <c>[[order.group]]</c>; empty for the document itself.</summary>
    public string Header { get; internal init; } = "";

    /// <summary>Keys and values in order.</summary>
    public IReadOnlyList<KeyValuePair<string, TomlValue>> Entries => _entries;

    public bool IsEmpty => _entries.Count == 0;

    public override string Description => "a table";

    /// <summary>The value of a key, or null; setting replaces or appends it, and setting null removes it.</summary>
    [DisallowNull]
    public TomlValue? this[string key]
    {
        get => Find(key);
        set => Set(key, value);
    }

    /// <summary>Sets a key; null removes it. Returns the table itself.</summary>
    public TomlTable Set(string key, TomlValue? value)
    {
        if (value is null)
        {
            Remove(key);
        }
        else if (_positions.TryGetValue(key, out var position))
        {
            _entries[position] = new(key, value);
        }
        else
        {
            _positions.Add(key, _entries.Count);
            _entries.Add(new(key, value));
        }
        return this;
    }

    /// <summary>Whether the key is there.</summary>
    public bool Contains(string key) => Find(key) is not null;

    /// <summary>A string, or null when the key is missing.</summary>
    public string? GetString(string key) => Find(key) switch
    {
        null => null,
        TomlScalar { Kind: TomlScalarKind.String } s => s.Text,
        var other => throw WrongType(key, other, "a string"),
    };

    /// <summary>A string that must be there and not be empty.</summary>
    public string RequireString(string key) => GetString(key) switch
    {
        null => throw Error(key, "is missing; want a string"),
        "" => throw Error(key, "is empty; want a string"),
        var text => text,
    };

    /// <summary>A boolean, or the default when the key is missing.</summary>
    public bool GetBoolean(string key, bool defaultValue = false) => Find(key) switch
    {
        null => defaultValue,
        TomlScalar { Kind: TomlScalarKind.Boolean } s => s.Boolean,
        var other => throw WrongType(key, other, "true or false"),
    };

    /// <summary>An integer, or null when the key is missing.</summary>
    public long? GetInteger(string key) => Find(key) switch
    {
        null => null,
        TomlScalar { Kind: TomlScalarKind.Integer } s => s.Integer,
        var other => throw WrongType(key, other, "an integer"),
    };

    /// <summary>An array of strings; empty when the key is missing.</summary>
    public IReadOnlyList<string> GetStrings(string key) => Find(key) switch
    {
        null => [],
        TomlArray a => [.. a.Items.Select(i => i is TomlScalar { Kind: TomlScalarKind.String } s ? s.Text : throw WrongType(key, i, "an array of strings"))],
        var other => throw WrongType(key, other, "an array of strings"),
    };

    /// <summary>A table, or null when the key is missing.</summary>
    public TomlTable? GetTable(string key) => Find(key) switch
    {
        null => null,
        TomlTable t => t,
        var other => throw WrongType(key, other, "a table"),
    };

    /// <summary>An array of tables (<c>[[key]]</c> or an inline array of inline tables); empty when the key is missing.</summary>
    public IReadOnlyList<TomlTable> GetTables(string key) => Find(key) switch
    {
        null => [],
        TomlArray a => [.. a.Items.Select(i => i as TomlTable ?? throw WrongType(key, i, "an array of tables"))],
        var other => throw WrongType(key, other, "an array of tables ([[" + Qualify(key) + "]])"),
    };

    /// <summary>One line for each key that is not among the known ones: they are ignored, and a user who mistyped one wants to know.</summary>
    public IEnumerable<string> UnknownKeys(params IReadOnlyCollection<string> known) =>
        _entries.Where(e => !known.Contains(e.Key, StringComparer.OrdinalIgnoreCase))
            .Select(e => $"{e.Value.Position.File}:{e.Value.Position.Line}:{e.Value.Position.Column}: {Prefix}{e.Key}: unknown key is ignored");

    /// <summary>The error for a key of this table whose value cannot be used; at the value, or at the table when the key is missing.</summary>
    public TomlFormatException Error(string key, string message)
    {
        var at = Find(key)?.Position ?? Position;
        return new TomlFormatException(at.File ?? "", at.Line, at.Column, $"{Prefix}{key}: {message}");
    }

    internal TomlValue? FindExact(string key) => _positions.TryGetValue(key, out var position) ? _entries[position].Value : null;

    private void Remove(string key)
    {
        if (!_positions.Remove(key, out var position))
            return;
        _entries.RemoveAt(position);
        for (var i = position; i < _entries.Count; i++)
            _positions[_entries[i].Key] = i;
    }

    private TomlValue? Find(string key) =>
        FindExact(key) ?? _entries.Find(e => string.Equals(e.Key, key, StringComparison.OrdinalIgnoreCase)).Value;

    private string Prefix => Header.Length == 0 ? "" : Header + " ";

    private string Qualify(string key) => Header.Length == 0 ? key : Header.Trim('[', ']') + "." + key;

    private TomlFormatException WrongType(string key, TomlValue value, string wanted) =>
        new(value.Position.File ?? "", value.Position.Line, value.Position.Column, $"{Prefix}{key}: want {wanted}, not {value.Description}");
}
