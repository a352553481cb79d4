using System.Text.RegularExpressions;

namespace Grid.Dockerfiles.Syntax;

/// <summary>
/// The <c># name=value</c> lines at the very top. <c>syntax</c> is only kept as data: no frontend is ever fetched because of it, since a
/// foreign frontend would run with our rights.
/// </summary>
public sealed partial record ParserDirectives
{
    /// <summary>The escape character, a backslash or a backtick.</summary>
    public char Escape { get; init; } = '\\';

    /// <summary>The frontend asked for, or null.</summary>
    public string? Syntax { get; init; }

    /// <summary>1-based line of <see cref="Syntax"/>; 0 without one.</summary>
    public int SyntaxLine { get; init; }

    /// <summary>The lint settings asked for, or null.</summary>
    public string? Check { get; init; }

    internal static ParserDirectives Read(LogicalLineReader lines, string fileName)
    {
        var directives = new ParserDirectives();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (lines.PeekPhysical() is { } line && Pattern().Match(line) is { Success: true } match)
        {
            lines.SkipPhysical();
            var name = match.Groups["name"].Value.ToLowerInvariant();
            var value = match.Groups["value"].Value;
            if (name is not ("escape" or "syntax" or "check"))
                continue;
            if (!seen.Add(name))
                throw new DockerfileException(fileName, lines.LineNumber, 1, $"only one {name} parser directive can be used", "remove the second one");
            directives = name switch
            {
                "syntax" => directives with { Syntax = value, SyntaxLine = lines.LineNumber },
                "check" => directives with { Check = value },
                _ => directives with { Escape = ReadEscape(value, fileName, lines.LineNumber) },
            };
        }
        return directives;
    }

    private static char ReadEscape(string value, string fileName, int line) => value is "\\" or "`"
        ? value[0]
        : throw new DockerfileException(fileName, line, 1, $"invalid ESCAPE '{value}'. Must be ` or \\", "use one of these two characters");

    [GeneratedRegex(@"\A#[ \t\v\f\r]*(?<name>[a-zA-Z][a-zA-Z0-9]*)[ \t\v\f\r]*=[ \t\v\f\r]*(?<value>[^\n]+?)[ \t\v\f\r]*\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
