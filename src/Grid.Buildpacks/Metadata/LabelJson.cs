using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Grid.Buildpacks.Metadata;

/// <summary>JSON of labels, to the character as the reference lifecycle (Go's encoding/json) writes it, so that equal apps get equal images.</summary>
public static class LabelJson
{
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The text of a label.</summary>
    public static string Write<T>(T value) => EscapeForHtml(JsonSerializer.Serialize(value, Options));

    /// <summary>Reads a label leniently: null when it is missing, or is no such JSON and then <paramref name="problem"/> says why.</summary>
    public static T? Read<T>(string? label, string name, out string? problem)
        where T : class
    {
        problem = null;
        if (string.IsNullOrEmpty(label))
            return null;
        try
        {
            RequireText(label);
            return JsonSerializer.Deserialize<T>(label, Options);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            problem = $"label {name} cannot be read and is ignored: {e.Message}";
            return null;
        }
    }

    // Parts are kept as JSON and written again, which would fail on an escape that is no Unicode.
    private static void RequireText(string label)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(label));
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                reader.GetString();
        }
    }

    // These characters stand nowhere in JSON but inside strings, so replacing them in the text is safe.
    private static string EscapeForHtml(string json) =>
        json.AsSpan().IndexOfAny("<>&\u2028\u2029") < 0
            ? json
            : json.Replace("<", "\\u003c").Replace(">", "\\u003e").Replace("&", "\\u0026").Replace("\u2028", "\\u2028").Replace("\u2029", "\\u2029");
}
