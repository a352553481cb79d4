namespace Grid.Launcher.Toml;

/// <summary>Reads values and key-value pairs.</summary>
internal sealed class TomlValues(TomlScanner scanner)
{
    private const int MaxDepth = 64;
    private int _depth;

    public void ReadPair(TomlTable table)
    {
        var key = scanner.ReadKey();
        scanner.Expect("=");
        var value = ReadValue();
        for (var i = 0; i < key.Count - 1; i++)
        {
            if (table.Find(key[i]) is null)
                table.TryAdd(key[i], new TomlTable(scanner.Where));
            if (table.Find(key[i]) is not TomlTable { IsClosed: false, HasHeader: false } next)
                throw scanner.Error($"'{key[i]}' is defined twice");
            table = next;
        }
        if (!table.TryAdd(key[^1], value))
            throw scanner.Error($"'{key[^1]}' is defined twice");
    }

    private object ReadValue()
    {
        scanner.SkipSpaces();
        switch (scanner.Peek)
        {
            case '"' or '\'':
                return TomlStrings.Read(scanner);
            case '[':
                return Nested(ReadArray);
            case '{':
                return Nested(ReadInlineTable);
            default:
                var word = scanner.ReadScalar();
                return word switch
                {
                    "true" => true,
                    "false" => false,
                    _ when IsNumberOrDate(word) => new TomlScalar(word),
                    _ => throw scanner.Error(word.Length == 0 ? "a value is missing" : $"'{word}' is not a value: strings need quotes"),
                };
        }
    }

    private object Nested(Func<object> read)
    {
        if (++_depth > MaxDepth)
            throw scanner.Error("values are nested too deeply");
        var value = read();
        _depth--;
        return value;
    }

    private List<object> ReadArray()
    {
        var items = new List<object>();
        scanner.Expect("[");
        while (true)
        {
            scanner.SkipBlankLines();
            if (scanner.Accept("]"))
                return items;
            items.Add(ReadValue());
            scanner.SkipBlankLines();
            if (scanner.Accept(","))
                continue;
            scanner.Expect("]");
            return items;
        }
    }

    private TomlTable ReadInlineTable()
    {
        var table = new TomlTable(scanner.Where);
        scanner.Expect("{");
        scanner.SkipSpaces();
        if (!scanner.Accept("}"))
        {
            do
                ReadPair(table);
            while (scanner.Accept(","));
            scanner.Expect("}");
        }
        Close(table);
        return table;
    }

    private static void Close(TomlTable table)
    {
        table.IsClosed = true;
        foreach (var (_, value) in table.Values)
        {
            if (value is TomlTable { IsClosed: false } inner)
                Close(inner);
        }
    }

    private static bool IsNumberOrDate(string word)
    {
        var start = word.TrimStart('+', '-');
        return start is "inf" or "nan" || (start.Length > 0 && char.IsAsciiDigit(start[0]));
    }
}
