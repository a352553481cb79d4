using System.Text;

namespace Grid.Dockerfiles.Expansion;

/// <summary>
/// Expands variables and removes quotes as BuildKit's Dockerfile frontend does (a subset of the shell's word expansion: no commands, no
/// arithmetic, no globbing). Results are bounded, since <c>ENV A=$A$A</c> repeated would otherwise double without end.
/// </summary>
/// <param name="escape">The file's escape character.</param>
/// <param name="lookup">The value of a variable, or null when it is not set.</param>
internal sealed class WordExpander(char escape, Func<string, string?> lookup)
{
    /// <summary>Longest result, in UTF-16 units. Linux takes no longer environment entry (MAX_ARG_STRLEN).</summary>
    public const int MaxLength = 128 * 1024;

    /// <summary>Longest expanded here-document.</summary>
    public const int MaxDocumentLength = Syntax.Dockerfile.MaxLength;

    private const int MaxDepth = 32;

    /// <summary>Expands a word; throws <see cref="FormatException"/> with what is wrong.</summary>
    public string Expand(string word) => new Scan(word, escape, lookup, quotes: true, MaxLength).Run(null, false, 0);

    /// <summary>Expands a here-document, in which quotes are ordinary characters.</summary>
    public string ExpandDocument(string body) => new Scan(body, '\\', lookup, quotes: false, MaxDocumentLength).Run(null, false, 0);

    /// <summary>Expands and then splits at blanks that came from outside quotes (EXPOSE).</summary>
    public IReadOnlyList<string> ExpandWords(string text)
    {
        var words = new List<string>();
        foreach (var word in Syntax.WordSplitter.Words(text, escape))
            words.AddRange(word.AsSpan().ContainsAny('"', '\'') ? [Expand(word)] : Syntax.WordSplitter.Blanks(Expand(word)));
        return words;
    }

    private sealed class Scan(string text, char escape, Func<string, string?> lookup, bool quotes, int limit)
    {
        private int _at;

        public string Run(char? stop, bool rawEscapes, int depth)
        {
            if (depth > MaxDepth)
                throw new FormatException("substitutions are nested too deeply");
            var result = new StringBuilder();
            while (_at < text.Length)
            {
                var c = text[_at];
                if (c == stop)
                {
                    _at++;
                    return result.ToString();
                }
                if (quotes && c == '\'')
                    SingleQuoted(result);
                else if (quotes && c == '"')
                    DoubleQuoted(result, rawEscapes, depth);
                else if (c == '$')
                    result.Append(Dollar(depth));
                else if (c == escape)
                    Escaped(result, rawEscapes);
                else
                    result.Append(text[_at++]);
                Bound(result);
            }
            return stop is null ? result.ToString() : throw new FormatException($"syntax error: missing '{stop}'");
        }

        private void Bound(StringBuilder result)
        {
            if (result.Length > limit)
                throw new FormatException($"value is longer than {limit} characters after expansion");
        }

        private void Escaped(StringBuilder result, bool raw)
        {
            _at++;
            if (raw)
                result.Append(escape);
            if (_at < text.Length)
                result.Append(text[_at++]);
        }

        private void SingleQuoted(StringBuilder result)
        {
            var end = text.IndexOf('\'', _at + 1);
            if (end < 0)
                throw new FormatException("unexpected end of statement while looking for matching single-quote");
            result.Append(text, _at + 1, end - _at - 1);
            _at = end + 1;
        }

        private void DoubleQuoted(StringBuilder result, bool raw, int depth)
        {
            _at++;
            while (_at < text.Length)
            {
                var c = text[_at];
                if (c == '"')
                {
                    _at++;
                    return;
                }
                if (c == '$')
                    result.Append(Dollar(depth));
                else
                    QuotedCharacter(result, raw);
                Bound(result);
            }
            throw new FormatException("unexpected end of statement while looking for matching double-quote");
        }

        // In double quotes only the quote, the dollar and the escape itself can be escaped; before anything else the escape stays.
        private void QuotedCharacter(StringBuilder result, bool raw)
        {
            var c = text[_at++];
            if (c == escape && _at < text.Length && (text[_at] is '"' or '$' || text[_at] == escape))
            {
                if (raw)
                    result.Append(c);
                c = text[_at++];
            }
            else if (c == escape && _at == text.Length)
            {
                return;
            }
            result.Append(c);
        }

        private string Dollar(int depth)
        {
            _at++;
            if (_at < text.Length && text[_at] == '{')
            {
                _at++;
                return Braced(depth);
            }
            var name = Name();
            return name.Length == 0 ? "$" : lookup(name) ?? "";
        }

        private string Braced(int depth)
        {
            if (_at >= text.Length)
                throw new FormatException("syntax error: missing '}'");
            if (text[_at] is '{' or '}' or ':')
                throw new FormatException("syntax error: bad substitution");
            var name = Name();
            var next = Next();
            return next switch
            {
                '}' => lookup(name) ?? "",
                ':' => Conditional(name, Next(), nullIsUnset: true, depth),
                '/' => Replace(name, depth),
                _ => Conditional(name, next, nullIsUnset: false, depth),
            };
        }

        private char Next() => _at < text.Length ? text[_at++] : throw new FormatException("syntax error: missing '}'");

        private string Conditional(string name, char modifier, bool nullIsUnset, int depth)
        {
            if (modifier is not ('+' or '-' or '?' or '#' or '%') || nullIsUnset && modifier is '#' or '%')
                throw new FormatException($"unsupported modifier ({(nullIsUnset ? ":" : "")}{modifier}) in substitution");
            var word = Run('}', rawEscapes: modifier is '#' or '%', depth + 1);
            var value = lookup(name);
            var missing = value is null || nullIsUnset && value.Length == 0;
            return modifier switch
            {
                '-' => missing ? word : value!,
                '+' => missing ? "" : word,
                '?' when missing => throw new FormatException($"{name}: {(word.Length > 0 ? word : value is null ? "is not allowed to be unset" : "is not allowed to be empty")}"),
                '?' => value!,
                _ => Trim(modifier, word, value ?? ""),
            };
        }

        private static string Trim(char modifier, string pattern, string value)
        {
            var longest = pattern.StartsWith(modifier);
            pattern = longest ? pattern[1..] : pattern;
            return modifier == '#' ? ShellPattern.TrimStart(value, pattern, longest) : ShellPattern.TrimEnd(value, pattern, longest);
        }

        private string Replace(string name, int depth)
        {
            var all = _at < text.Length && text[_at] == '/';
            if (all)
                _at++;
            var pattern = Run('/', rawEscapes: true, depth + 1);
            var replacement = Run('}', rawEscapes: true, depth + 1);
            var replaced = ShellPattern.Replace(lookup(name) ?? "", pattern, replacement, all);
            return replaced.Length <= limit ? replaced : throw new FormatException($"value is longer than {limit} characters after expansion");
        }

        private string Name()
        {
            var start = _at;
            if (_at < text.Length && char.IsAsciiDigit(text[_at]))
            {
                while (_at < text.Length && char.IsAsciiDigit(text[_at]))
                    _at++;
                return text[start.._at];
            }
            if (_at < text.Length && text[_at] is '@' or '*' or '#' or '?' or '-' or '$' or '!')
                return text[_at++].ToString();
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] == '_'))
                _at++;
            return text[start.._at];
        }
    }
}
