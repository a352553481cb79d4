using System.Net.Http.Headers;

namespace Grid.Oci.Registry;

/// <summary>What a registry asks for in WWW-Authenticate (RFC 9110 §11.6.1).</summary>
internal sealed record AuthChallenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    public bool IsBearer => Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase);

    public bool IsBasic => Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase);

    /// <summary>The challenge to answer: Bearer before Basic; null when there is none we know.</summary>
    public static AuthChallenge? From(HttpResponseHeaders headers)
    {
        var challenges = headers.WwwAuthenticate.Select(value => new AuthChallenge(value.Scheme, Parse(value.Parameter ?? ""))).ToList();
        return challenges.Find(challenge => challenge.IsBearer) ?? challenges.Find(challenge => challenge.IsBasic);
    }

    /// <summary>Reads <c>name=token</c> and <c>name="quoted \" string"</c>, separated by commas; the first of equal names counts.</summary>
    internal static Dictionary<string, string> Parse(string text)
    {
        var result = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var at = 0;
        while (at < text.Length)
        {
            while (at < text.Length && text[at] is ' ' or ',' or '\t')
                at++;
            var equals = text.IndexOf('=', at);
            if (equals < 0)
                break;
            var name = text[at..equals].Trim();
            at = equals + 1;
            result.TryAdd(name, at < text.Length && text[at] == '"' ? Quoted(text, ref at) : Token(text, ref at));
        }
        return result;
    }

    private static string Token(string text, ref int at)
    {
        var end = text.IndexOf(',', at);
        var value = text[at..(end < 0 ? text.Length : end)].Trim();
        at = end < 0 ? text.Length : end;
        return value;
    }

    private static string Quoted(string text, ref int at)
    {
        var value = new System.Text.StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
                at++;
            value.Append(text[at]);
        }
        at++;
        return value.ToString();
    }
}
