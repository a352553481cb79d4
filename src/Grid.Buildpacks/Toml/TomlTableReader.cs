using Tomlyn.Syntax;

namespace Grid.Buildpacks.Toml;

/// <summary>Turns the parser's syntax tree into tables.</summary>
internal sealed class TomlTableReader(string fileName)
{
    public TomlTable Read(DocumentSyntax document)
    {
        var root = new TomlTable { Position = new(fileName, 1, 1) };
        foreach (var item in document.KeyValues)
            Assign(root, item);
        foreach (var table in document.Tables)
        {
            var target = Open(root, table);
            foreach (var item in table.Items)
                Assign(target, item);
        }
        return root;
    }

    private TomlTable Open(TomlTable root, TableSyntaxBase syntax)
    {
        var path = Path(syntax.Name!);
        var isArray = syntax is TableArraySyntax;
        var parent = root;
        for (var i = 0; i < path.Count - 1; i++)
            parent = Descend(parent, path[i], $"[{string.Join('.', path.Take(i + 1))}]", syntax);
        var name = string.Join('.', path);
        var existing = parent.FindExact(path[^1]);
        if (!isArray)
            return existing is null ? AddTable(parent, path[^1], $"[{name}]", syntax) : Descend(parent, path[^1], $"[{name}]", syntax);

        if (existing is not null and not TomlArray)
            throw TomlFile.Problem(fileName, syntax.Span, $"[[{name}]]: the key already is {existing.Description}");
        var array = existing as TomlArray;
        if (array is null)
            parent.Set(path[^1], array = new TomlArray([]) { Position = At(syntax) });
        var item = new TomlTable { Header = $"[[{name}]]", Position = At(syntax) };
        array.Add(item);
        return item;
    }

    private void Assign(TomlTable table, KeyValueSyntax item)
    {
        var path = Path(item.Key!);
        for (var i = 0; i < path.Count - 1; i++)
            table = Descend(table, path[i], HeaderBelow(table, path[i]), item);
        if (table.FindExact(path[^1]) is not null)
            throw TomlFile.Problem(fileName, item.Span, $"{path[^1]}: the key is given twice");
        table.Set(path[^1], Value(item.Value, HeaderBelow(table, path[^1])));
    }

    /// <summary>The table a key leads to; the last one of an array of tables, as TOML has it.</summary>
    private TomlTable Descend(TomlTable parent, string key, string header, SyntaxNode syntax) => parent.FindExact(key) switch
    {
        null => AddTable(parent, key, header, syntax),
        TomlTable table => table,
        TomlArray { Items: [.., TomlTable last] } => last,
        var other => throw TomlFile.Problem(fileName, syntax.Span, $"{key}: the key already is {other.Description}"),
    };

    private TomlTable AddTable(TomlTable parent, string key, string header, SyntaxNode syntax)
    {
        var table = new TomlTable { Header = header, Position = At(syntax) };
        parent.Set(key, table);
        return table;
    }

    private TomlValue Value(ValueSyntax? syntax, string header) => syntax switch
    {
        StringValueSyntax s => TomlScalar.At(At(s), s.Value ?? ""),
        BooleanValueSyntax b => TomlScalar.At(At(b), b.Value),
        IntegerValueSyntax i => TomlScalar.At(At(i), i.Value),
        FloatValueSyntax f => TomlScalar.At(At(f), f.Value),
        DateTimeValueSyntax d => TomlScalar.DateTimeAt(At(d), d.Token?.Text ?? ""),
        ArraySyntax a => new TomlArray(a.Items.Select(i => Value(i.Value, $"[{header}]"))) { Position = At(a) },
        InlineTableSyntax t => Inline(t, header),
        _ => throw TomlFile.Problem(fileName, syntax?.Span ?? default, "want a value"),
    };

    private TomlTable Inline(InlineTableSyntax syntax, string header)
    {
        var table = new TomlTable { Header = header, Position = At(syntax) };
        foreach (var item in syntax.Items)
            Assign(table, item.KeyValue!);
        return table;
    }

    private static string HeaderBelow(TomlTable table, string key) =>
        table.Header.Length == 0 ? $"[{key}]" : $"[{table.Header.Trim('[', ']')}.{key}]";

    private static List<string> Path(KeySyntax key) => [Part(key.Key), .. key.DotKeys.Select(k => Part(k.Key))];

    private static string Part(BareKeyOrStringValueSyntax? part) => part switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax quoted => quoted.Value ?? "",
        _ => "",
    };

    private TomlPosition At(SyntaxNode node) => new(fileName, node.Span.Start.Line + 1, node.Span.Start.Column + 1);
}
