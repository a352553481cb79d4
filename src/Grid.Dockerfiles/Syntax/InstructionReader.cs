using System.Text.RegularExpressions;

namespace Grid.Dockerfiles.Syntax;

/// <summary>Turns a logical line into a typed instruction, reading its here-documents from the lines that follow.</summary>
internal sealed partial class InstructionReader(LogicalLineReader lines, string fileName, char escape)
{
    private const string Blanks = " \t\v\f\r";
    private readonly FlagReader _flags = new(fileName);

    private readonly record struct Request(string Keyword, string Rest, int Offset, LogicalLine Line, List<InstructionFlag> Flags, List<Heredoc> Heredocs);

    public Instruction Read(LogicalLine line)
    {
        var text = line.Text;
        var end = text.AsSpan().IndexOfAny(Blanks);
        var keyword = (end < 0 ? text : text[..end]).ToUpperInvariant();
        if (!Known(keyword))
        {
            throw Error(line, 0, $"unknown instruction: {Printable(keyword)}",
                "instructions are FROM, ARG, ENV, LABEL, RUN, COPY, ADD, USER, WORKDIR, SHELL, CMD, ENTRYPOINT, EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, ONBUILD");
        }
        var (flags, offset) = _flags.Read(line, end < 0 ? text.Length : end, keyword);
        while (offset < text.Length && char.IsWhiteSpace(text[offset]))
            offset++;
        var rest = text[offset..].TrimEnd();
        var heredocs = ReadHeredocs(keyword, text, rest, line);
        var instruction = Typed(new Request(keyword, rest, offset, line, flags, heredocs));
        return instruction with
        {
            Source = new SourceSpan(line.StartLine, line.StartColumn, lines.LineNumber),
            Text = keyword + (end < 0 ? "" : " " + text[end..].Trim()),
            Flags = flags,
            Heredocs = heredocs,
        };
    }

    private Instruction Typed(Request r) => r.Keyword switch
    {
        "FROM" => From(r),
        "ARG" => new ArgInstruction(Declarations(r)),
        "ENV" => new EnvInstruction(NamesAndValues(r)),
        "LABEL" => new LabelInstruction(NamesAndValues(r)),
        "RUN" => new RunInstruction(Command(r, wanted: true)),
        "COPY" => Copy(r),
        "ADD" => Add(r),
        "USER" => new UserInstruction(One(r)),
        "WORKDIR" => new WorkdirInstruction(One(r)),
        "SHELL" => new ShellInstruction(Shell(r)),
        "CMD" => new CmdInstruction(Command(r, wanted: false)),
        "ENTRYPOINT" => new EntrypointInstruction(Command(r, wanted: false)),
        "EXPOSE" => new OtherInstruction(r.Keyword, AtLeastOne(r, WordSplitter.Blanks(r.Rest))),
        "VOLUME" => new OtherInstruction(r.Keyword, AtLeastOne(r, ListOrBlanks(r))),
        "HEALTHCHECK" => new OtherInstruction(r.Keyword, Health(r)),
        "ONBUILD" => new OtherInstruction(r.Keyword, [OnBuild(r)]),
        _ => new OtherInstruction(r.Keyword, [One(r)]),
    };

    private static bool Known(string keyword) => keyword is "FROM" or "ARG" or "ENV" or "LABEL" or "RUN" or "COPY" or "ADD" or "USER" or "WORKDIR"
        or "SHELL" or "CMD" or "ENTRYPOINT" or "EXPOSE" or "VOLUME" or "STOPSIGNAL" or "HEALTHCHECK" or "ONBUILD" or "MAINTAINER";

    private List<Heredoc> ReadHeredocs(string keyword, string text, string rest, LogicalLine line)
    {
        var heredocs = new List<Heredoc>();
        var triggers = keyword == "ONBUILD" && rest.Split([' ', '\t'], 2)[0].ToUpperInvariant() is "RUN" or "COPY" or "ADD";
        if (keyword is not ("RUN" or "COPY" or "ADD") && !triggers)
            return heredocs;
        if (!text.Contains("<<", StringComparison.Ordinal) || WordSplitter.JsonArray(rest, out var notStrings) is not null && !notStrings)
            return heredocs;
        try
        {
            foreach (var opening in HeredocSyntax.Find(rest))
                heredocs.Add(new Heredoc(opening.Name, lines.ReadHeredoc(opening.Name, opening.Chomp, line.StartLine), opening.Expand, opening.Chomp));
        }
        catch (FormatException e)
        {
            throw Error(line, 0, e.Message, "close the quote, or escape it");
        }
        return heredocs;
    }

    private FromInstruction From(Request r)
    {
        var words = WordSplitter.Blanks(r.Rest);
        if (words.Count is not (1 or 3) || words.Count == 3 && !words[1].Equals("AS", StringComparison.OrdinalIgnoreCase))
            throw Error(r, "FROM requires either one or three arguments", "write FROM ${base_image}, or FROM IMAGE AS NAME");
        var name = words.Count == 3 ? words[2].ToLowerInvariant() : null;
        if (name is not null && !StageName().IsMatch(name))
            throw Error(r, $"invalid name for build stage: \"{name}\", name can't start with a number or contain symbols", "use letters, digits, '-', '_' and '.'");
        return new FromInstruction(words[0], name);
    }

    private List<ArgDeclaration> Declarations(Request r)
    {
        var words = AtLeastOne(r, WordSplitter.Words(r.Rest, escape));
        var declarations = new List<ArgDeclaration>();
        foreach (var word in words)
        {
            var equals = word.IndexOf('=');
            if (equals == 0)
                throw Error(r, "ARG names can not be blank", "write ARG NAME or ARG NAME=VALUE");
            declarations.Add(equals < 0 ? new ArgDeclaration(word, null) : new ArgDeclaration(word[..equals], word[(equals + 1)..]));
        }
        return declarations;
    }

    private List<NameValue> NamesAndValues(Request r)
    {
        var words = AtLeastOne(r, WordSplitter.Words(r.Rest, escape));
        if (!words[0].Contains('='))
        {
            // The old form "ENV NAME the rest is the value".
            var cut = r.Rest.AsSpan().IndexOfAny(Blanks);
            if (cut < 0)
                throw Error(r, $"{r.Keyword} must have two arguments", $"write {r.Keyword} NAME=VALUE");
            return [new NameValue(r.Rest[..cut], r.Rest[cut..].TrimStart())];
        }
        var pairs = new List<NameValue>();
        foreach (var word in words)
        {
            var equals = word.IndexOf('=');
            if (equals < 0)
                throw Error(r, $"Syntax error - can't find = in \"{Printable(word)}\". Must be of the form: name=value", "put quotes around a value that has blanks");
            if (equals == 0)
                throw Error(r, $"{r.Keyword} names can not be blank", $"write {r.Keyword} NAME=VALUE");
            pairs.Add(new NameValue(word[..equals], word[(equals + 1)..]));
        }
        return pairs;
    }

    private CommandLine Command(Request r, bool wanted)
    {
        var array = WordSplitter.JsonArray(r.Rest, out var notStrings);
        if (notStrings)
            throw Error(r, "when using JSON array syntax, arrays must be comprised of strings only", "put quotes around every element");
        if (wanted && (array is null ? r.Rest.Length == 0 : array.Count == 0))
            throw Error(r, $"{r.Keyword} requires at least one argument", "write the command to run");
        return array is null ? new CommandLine(r.Rest.Length == 0 ? [] : [r.Rest], IsShell: true) : new CommandLine(array, IsShell: false);
    }

    private CopyInstruction Copy(Request r)
    {
        var (sources, destination) = Paths(r);
        return new CopyInstruction(sources, destination);
    }

    private AddInstruction Add(Request r)
    {
        var (sources, destination) = Paths(r);
        return new AddInstruction(sources, destination);
    }

    private (IReadOnlyList<string> Sources, string Destination) Paths(Request r)
    {
        var words = ListOrBlanks(r);
        if (words.Count < 2)
            throw Error(r, $"{r.Keyword} requires at least two arguments, but only {words.Count} provided. Destination could not be determined", $"write {r.Keyword} SOURCE DESTINATION");
        if (r.Heredocs.Count > 0 && HeredocSyntax.Read(words[^1]) is not null)
            throw Error(r, $"{r.Keyword} cannot accept a heredoc as a destination", "put the path of the file behind it");
        var sources = words.Take(words.Count - 1).Where(word => r.Heredocs.Count == 0 || HeredocSyntax.Read(word) is null);
        return ([.. sources], words[^1]);
    }

    private IReadOnlyList<string> Shell(Request r)
    {
        if (WordSplitter.JsonArray(r.Rest, out var notStrings) is { } array && !notStrings)
            return array.Count > 0 ? array : throw Error(r, "SHELL requires at least one argument", "write SHELL [\"/bin/sh\", \"-c\"]");
        throw Error(r, "SHELL requires the arguments to be in JSON form", "write SHELL [\"/bin/sh\", \"-c\"]");
    }

    private List<string> Health(Request r)
    {
        var cut = r.Rest.AsSpan().IndexOfAny(Blanks);
        var kind = (cut < 0 ? r.Rest : r.Rest[..cut]).ToUpperInvariant();
        var rest = cut < 0 ? "" : r.Rest[cut..].Trim();
        switch (kind)
        {
            case "NONE" when rest.Length == 0:
                return ["NONE"];
            case "CMD" when rest.Length > 0:
                var array = WordSplitter.JsonArray(rest, out var notStrings);
                return array is null || notStrings ? ["CMD-SHELL", rest] : ["CMD", .. array];
            case "NONE":
                throw Error(r, "HEALTHCHECK NONE takes no arguments", "remove what is behind NONE");
            case "CMD":
                throw Error(r, "Missing command after HEALTHCHECK CMD", "write the command, or HEALTHCHECK NONE");
            default:
                throw Error(r, $"unknown type \"{Printable(kind)}\" in HEALTHCHECK (try CMD)", "write HEALTHCHECK CMD or HEALTHCHECK NONE");
        }
    }

    private string OnBuild(Request r)
    {
        var trigger = One(r).Split([' ', '\t'], 2)[0].ToUpperInvariant();
        if (trigger is "ONBUILD")
            throw Error(r, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", "remove one of them");
        if (trigger is "MAINTAINER" or "FROM")
            throw Error(r, $"{trigger} isn't allowed as an ONBUILD trigger", "choose another instruction");
        return r.Rest;
    }

    private IReadOnlyList<string> ListOrBlanks(Request r) =>
        WordSplitter.JsonArray(r.Rest, out var notStrings) is { } array && !notStrings ? array : WordSplitter.Blanks(r.Rest);

    private string One(Request r) =>
        r.Rest.Length > 0 ? r.Rest : throw Error(r, $"{r.Keyword} requires exactly one argument", $"write a value behind {r.Keyword}");

    private IReadOnlyList<string> AtLeastOne(Request r, IReadOnlyList<string> words) =>
        words.Count > 0 ? words : throw Error(r, $"{r.Keyword} requires at least one argument", $"write a value behind {r.Keyword}");

    // Error text goes to terminals and web pages: no control characters, and not a megabyte of them.
    private static string Printable(string text) =>
        string.Concat(text.Take(80).Select(c => char.IsControl(c) ? '?' : c)) + (text.Length > 80 ? "…" : "");

    private DockerfileException Error(Request r, string what, string advice) => Error(r.Line, Math.Min(r.Offset, Math.Max(0, r.Line.Text.Length - 1)), what, advice);

    private DockerfileException Error(LogicalLine line, int offset, string what, string advice)
    {
        var at = line.At(offset);
        return new DockerfileException(fileName, at.Line, at.Column, $"dockerfile parse error on line {line.StartLine}: {what}", advice);
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9_.-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex StageName();
}
