namespace Grid.Launcher.Toml;

/// <summary>
/// A reader of TOML 1.0 that is small enough to be free at every start of an app. It reads everything the format has, keeps numbers and
/// dates as text, and refuses duplicates and malformed documents with the line.
/// </summary>
internal sealed class TomlDocument
{
    private readonly TomlScanner _scanner;
    private readonly TomlValues _values;
    private readonly TomlTable _root;
    private TomlTable _current;

    private TomlDocument(string text, string name)
    {
        _scanner = new TomlScanner(text, name);
        _values = new TomlValues(_scanner);
        _root = new TomlTable(name);
        _current = _root;
    }

    /// <summary>Reads a document whose chars are UTF-8 bytes; <paramref name="name"/> is where messages say it comes from.</summary>
    public static TomlTable Parse(string text, string name)
    {
        var document = new TomlDocument(text.StartsWith("\u00ef\u00bb\u00bf", StringComparison.Ordinal) ? text[3..] : text, name);
        document.Read();
        return document._root;
    }

    private void Read()
    {
        while (true)
        {
            _scanner.SkipBlankLines();
            if (_scanner.AtEnd)
                return;
            if (_scanner.Accept("[["))
                ReadArrayHeader();
            else if (_scanner.Accept("["))
                ReadHeader();
            else
                _values.ReadPair(_current);
            _scanner.ExpectLineEnd();
        }
    }

    private void ReadHeader()
    {
        var key = _scanner.ReadKey();
        _scanner.Expect("]");
        var parent = Descend(key);
        var name = key[^1];
        if (parent.Find(name) is null)
            parent.TryAdd(name, new TomlTable(_scanner.Where));
        if (parent.Find(name) is not TomlTable table || table.IsClosed || table.HasHeader)
            throw _scanner.Error($"'{name}' is defined twice");
        table.HasHeader = true;
        _current = table;
    }

    private void ReadArrayHeader()
    {
        var key = _scanner.ReadKey();
        _scanner.Expect("]]");
        var parent = Descend(key);
        var name = key[^1];
        if (parent.Find(name) is null)
            parent.TryAdd(name, new TomlTables());
        if (parent.Find(name) is not TomlTables tables)
            throw _scanner.Error($"'{name}' is defined twice");
        _current = new TomlTable(_scanner.Where) { HasHeader = true };
        tables.Add(_current);
    }

    /// <summary>The table that holds the last part of a header's key; tables on the way are made.</summary>
    private TomlTable Descend(List<string> key)
    {
        var table = _root;
        for (var i = 0; i < key.Count - 1; i++)
        {
            if (table.Find(key[i]) is null)
                table.TryAdd(key[i], new TomlTable(_scanner.Where));
            table = table.Find(key[i]) switch
            {
                TomlTable { IsClosed: false } next => next,
                TomlTables tables => (TomlTable)tables[^1],
                _ => throw _scanner.Error($"'{key[i]}' is not a table"),
            };
        }
        return table;
    }
}

/// <summary>An array made by <c>[[headers]]</c>, which later headers may extend; a written-out array may not be.</summary>
internal sealed class TomlTables : List<object>;
