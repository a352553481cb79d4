using System.Text;
using System.Text.Json;

namespace Grid.Dockerfiles.Syntax;

/// <summary>How BuildKit cuts an instruction's arguments; quotes are kept, they are read when variables are expanded.</summary>
internal static class WordSplitter
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8 };

    /// <summary>Words separated by blanks, where quotes and escapes join; everything is kept as written.</summary>
    public static List<string> Words(string text, char escape)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                Flush(words, word);
                continue;
            }
            // Inside single quotes the escape character is an ordinary one.
            if (c == escape && quote != '\'')
            {
                if (i + 1 == text.Length)
                    continue;
                word.Append(c).Append(text[++i]);
                continue;
            }
            if (quote == '\0')
                quote = c is '\'' or '"' ? c : '\0';
            else if (c == quote)
                quote = '\0';
            word.Append(c);
        }
        Flush(words, word);
        return words;
    }

    /// <summary>Words separated by blanks; quotes mean nothing.</summary>
    public static IReadOnlyList<string> Blanks(string text) => text.Split([' ', '\t', '\v', '\f', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>
    /// The strings of a JSON array. Null when the text is no JSON array at all (then it is shell form); an array that holds anything but
    /// strings is an error, reported through <paramref name="notStrings"/>.
    /// </summary>
    public static IReadOnlyList<string>? JsonArray(string text, out bool notStrings)
    {
        notStrings = false;
        var trimmed = text.Trim();
        if (!trimmed.StartsWith('['))
            return null;
        try
        {
            using var document = JsonDocument.Parse(trimmed, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                return null;
            var strings = new List<string>();
            foreach (var element in document.RootElement.EnumerateArray())
            {
                notStrings |= element.ValueKind != JsonValueKind.String;
                strings.Add(element.ValueKind == JsonValueKind.String ? element.GetString()! : "");
            }
            return strings;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // Not JSON, or a string with half a surrogate pair: the text is a shell command that happens to begin with "[".
            return null;
        }
    }

    private static void Flush(List<string> words, StringBuilder word)
    {
        if (word.Length == 0)
            return;
        words.Add(word.ToString());
        word.Clear();
    }
}
