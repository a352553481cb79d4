using System.Text.Encodings.Web;
using System.Text.Json;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Metadata;

/// <summary>Free metadata on its way from a buildpack's TOML into a label's JSON and, with the next build, back.</summary>
public static class TomlJson
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>As JSON the way Go writes maps: keys in ordinal order, a whole float without its ".0", dates as strings.</summary>
    /// <exception cref="TomlFormatException">A float is infinite or no number, which JSON cannot say.</exception>
    public static JsonElement ToJson(TomlTable table)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
            Write(writer, table);
        return JsonDocument.Parse(buffer.GetBuffer().AsMemory(0, (int)buffer.Length)).RootElement.Clone();
    }

    /// <summary>
    /// Back as a table, keys in their order. A number without fraction becomes an integer: the reference makes every number a float, and a buildpack that
    /// wrote <c>n = 3</c> finds <c>n = 3.0</c>, which strict readers refuse. JSON's null has no counterpart and is left out.
    /// </summary>
    public static TomlTable ToToml(JsonElement json)
    {
        var table = new TomlTable();
        if (json.ValueKind != JsonValueKind.Object)
            return table;
        foreach (var property in json.EnumerateObject())
            table.Set(property.Name, ToValue(property.Value));
        return table;
    }

    private static void Write(Utf8JsonWriter writer, TomlValue value)
    {
        switch (value)
        {
            case TomlTable table:
                writer.WriteStartObject();
                foreach (var (key, item) in table.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(key);
                    Write(writer, item);
                }
                writer.WriteEndObject();
                break;
            case TomlArray array:
                writer.WriteStartArray();
                foreach (var item in array.Items)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case TomlScalar scalar:
                WriteScalar(writer, scalar);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, TomlScalar scalar)
    {
        switch (scalar.Kind)
        {
            case TomlScalarKind.Boolean:
                writer.WriteBooleanValue(scalar.Boolean);
                break;
            case TomlScalarKind.Integer:
                writer.WriteNumberValue(scalar.Integer);
                break;
            case TomlScalarKind.Float when !double.IsFinite(scalar.Float):
                throw new TomlFormatException(
                    scalar.Position.File ?? "", scalar.Position.Line, scalar.Position.Column, $"{scalar.Text} cannot be kept in an image's label; write a number");
            case TomlScalarKind.Float:
                writer.WriteRawValue(GoFloat.Format(scalar.Float));
                break;
            default:
                writer.WriteStringValue(scalar.Text);
                break;
        }
    }

    private static TomlValue? ToValue(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => ToToml(json),
        JsonValueKind.Array => new TomlArray(json.EnumerateArray().Select(ToValue).OfType<TomlValue>()),
        JsonValueKind.String => json.GetString()!,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => json.TryGetInt64(out var integer) ? new TomlScalar(integer) : new TomlScalar(json.GetDouble()),
        _ => null,
    };
}

/// <summary>Floats as Go's encoding/json writes them.</summary>
internal static class GoFloat
{
    /// <summary>The shortest text that reads back the same; with an exponent below 1e-6 and from 1e21 on.</summary>
    public static string Format(double value)
    {
        var magnitude = Math.Abs(value);
        var shortest = value.ToString("R");
        if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21))
            return WithExponent(shortest);
        return shortest.Contains('E') ? Plain(shortest) : shortest;
    }

    // "1E-07" is "1e-7" in Go's JSON, "1E+21" is "1e+21".
    private static string WithExponent(string shortest)
    {
        var at = shortest.IndexOf('E');
        if (at < 0)
            return shortest;
        var sign = shortest[at + 1] == '-' ? "-" : "+";
        return shortest[..at] + "e" + sign + shortest[(at + 1)..].TrimStart('+', '-').TrimStart('0');
    }

    private static string Plain(string shortest)
    {
        var at = shortest.IndexOf('E');
        var exponent = int.Parse(shortest[(at + 1)..]);
        var negative = shortest[0] == '-';
        var mantissa = shortest[(negative ? 1 : 0)..at];
        var dot = mantissa.IndexOf('.');
        var digits = mantissa.Replace(".", "");
        var point = (dot < 0 ? mantissa.Length : dot) + exponent;
        var text = point <= 0 ? "0." + new string('0', -point) + digits
            : point >= digits.Length ? digits + new string('0', point - digits.Length)
            : digits[..point] + "." + digits[point..];
        return negative ? "-" + text : text;
    }
}
