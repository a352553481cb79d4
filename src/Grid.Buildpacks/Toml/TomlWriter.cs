using System.Text;

namespace Grid.Buildpacks.Toml;

/// <summary>
/// Writes tables as TOML that people can read and that is the same for the same tables: keys in the order they were set, scalars and arrays first, then
/// tables and arrays of tables under their headers, indented by depth as the reference lifecycle writes them.
/// </summary>
public static class TomlWriter
{
    /// <summary>The document, ending with a line end unless it is empty.</summary>
    public static string Write(TomlTable document)
    {
        var text = new StringBuilder();
        WriteBody(text, document, "", 0);
        return text.ToString();
    }

    /// <summary>The document as UTF-8.</summary>
    public static byte[] WriteBytes(TomlTable document) => Encoding.UTF8.GetBytes(Write(document));

    /// <summary>A string as a TOML basic string with its quotes.</summary>
    public static string Quote(string value)
    {
        var text = new StringBuilder(value.Length + 2).Append('"');
        foreach (var c in value)
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                // The last one stands for broken text: the parser refuses it as it is.
                < ' ' or '\u007f' or '\ufffd' => text.Append("\\u").Append(((int)c).ToString("x4")),
                _ => text.Append(c),
            };
        return text.Append('"').ToString();
    }

    private static void WriteBody(StringBuilder text, TomlTable table, string path, int depth)
    {
        foreach (var (key, value) in table.Entries)
        {
            if (IsSection(value))
                continue;
            text.Append(' ', depth * 2).Append(Key(key)).Append(" = ");
            WriteInline(text, value);
            text.Append('\n');
        }
        foreach (var (key, value) in table.Entries)
        {
            if (!IsSection(value))
                continue;
            var name = path.Length == 0 ? Key(key) : path + "." + Key(key);
            if (value is TomlTable child)
                WriteSection(text, child, name, depth, "[", "]");
            else
                foreach (var item in ((TomlArray)value).Items)
                    WriteSection(text, (TomlTable)item, name, depth, "[[", "]]");
        }
    }

    private static void WriteSection(StringBuilder text, TomlTable table, string name, int depth, string open, string close)
    {
        if (depth == 0 && text.Length > 0)
            text.Append('\n');
        text.Append(' ', depth * 2).Append(open).Append(name).Append(close).Append('\n');
        WriteBody(text, table, name, depth + 1);
    }

    private static bool IsSection(TomlValue value) => value is TomlTable or TomlArray { HoldsTables: true };

    private static void WriteInline(StringBuilder text, TomlValue value)
    {
        switch (value)
        {
            case TomlScalar scalar:
                text.Append(scalar.Kind == TomlScalarKind.String ? Quote(scalar.Text) : scalar.Text);
                break;
            case TomlArray array:
                text.Append('[');
                Join(text, array.Items, (t, item) => WriteInline(t, item));
                text.Append(']');
                break;
            case TomlTable table:
                text.Append("{ ");
                Join(text, table.Entries, (t, entry) =>
                {
                    t.Append(Key(entry.Key)).Append(" = ");
                    WriteInline(t, entry.Value);
                });
                text.Append(table.IsEmpty ? "}" : " }");
                break;
        }
    }

    private static void Join<T>(StringBuilder text, IReadOnlyList<T> items, Action<StringBuilder, T> write)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
                text.Append(", ");
            write(text, items[i]);
        }
    }

    private static string Key(string key) =>
        key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') ? key : Quote(key);
}
