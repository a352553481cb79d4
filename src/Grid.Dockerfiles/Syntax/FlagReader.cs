using System.Text;

namespace Grid.Dockerfiles.Syntax;

/// <summary>Reads the <c>--name=value</c> options between an instruction's keyword and its arguments.</summary>
internal sealed class FlagReader(string fileName)
{
    private static readonly string[] Switches = ["link", "parents", "keep-git-dir", "unpack"];
    private static readonly string[] Repeatable = ["mount", "exclude", "device"];

    /// <summary>The options of an instruction and the offset at which its arguments begin.</summary>
    public (List<InstructionFlag> Flags, int End) Read(LogicalLine line, int offset, string keyword)
    {
        var flags = new List<InstructionFlag>();
        var text = line.Text;
        while (true)
        {
            while (offset < text.Length && char.IsWhiteSpace(text[offset]))
                offset++;
            if (!text.AsSpan(offset).StartsWith("--", StringComparison.Ordinal))
                return (flags, offset);
            var start = offset;
            var word = ReadWord(text, ref offset);
            if (word == "--")
                return (flags, offset);
            flags.Add(Check(word, line.At(start), keyword, flags));
        }
    }

    private static string ReadWord(string text, ref int offset)
    {
        var word = new StringBuilder();
        var quote = '\0';
        for (; offset < text.Length && (quote != '\0' || !char.IsWhiteSpace(text[offset])); offset++)
        {
            var c = text[offset];
            if (quote == '\0' && c is '\'' or '"')
                quote = c;
            else if (c == quote && quote != '\0')
                quote = '\0';
            else if (c == '\\' && offset + 1 < text.Length)
                word.Append(text[++offset]);
            else if (c != '\\')
                word.Append(c);
        }
        return word.ToString();
    }

    private InstructionFlag Check(string word, (int Line, int Column) at, string keyword, List<InstructionFlag> before)
    {
        var equals = word.IndexOf('=');
        var name = equals < 0 ? word[2..] : word[2..equals];
        if (!Allowed(keyword).Contains(name, StringComparer.Ordinal))
        {
            throw Error(at, $"unknown flag: --{name}", Allowed(keyword) is { Length: > 0 } known
                ? $"{keyword} takes --{string.Join(", --", known)}"
                : $"{keyword} takes no flags");
        }
        var isSwitch = Switches.Contains(name, StringComparer.Ordinal);
        if (equals < 0 && !isSwitch)
            throw Error(at, $"missing a value on flag: --{name}", $"write --{name}=VALUE");
        var value = equals < 0 ? "true" : word[(equals + 1)..];
        if (isSwitch)
        {
            value = value.ToLowerInvariant();
            if (value is not ("true" or "false"))
                throw Error(at, $"expecting boolean value for flag {name}, not: {value}", "write true or false");
        }
        if (!Repeatable.Contains(name, StringComparer.Ordinal) && before.Exists(flag => flag.Name == name))
            throw Error(at, $"duplicate flag specified: --{name}", "keep one of them");
        return new InstructionFlag(name, value, at.Line, at.Column);
    }

    private static string[] Allowed(string keyword) => keyword switch
    {
        "FROM" => ["platform"],
        "COPY" => ["from", "chown", "chmod", "link", "exclude", "parents"],
        "ADD" => ["chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"],
        "RUN" => ["mount", "network", "security"],
        "HEALTHCHECK" => ["interval", "timeout", "start-period", "start-interval", "retries"],
        _ => [],
    };

    private DockerfileException Error((int Line, int Column) at, string what, string advice) =>
        new(fileName, at.Line, at.Column, $"dockerfile parse error on line {at.Line}: {what}", advice);
}
