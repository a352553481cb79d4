using Grid.Dockerfiles.Expansion;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;

namespace Grid.Dockerfiles.Planning;

/// <summary>The parts of COPY and ADD. Throws <see cref="FormatException"/>.</summary>
internal sealed class CopyWriter(Instruction instruction, WordExpander expander, bool isAdd)
{
    private const int MaxSources = 1000;

    public (List<string> Paths, List<string> Urls) Sources(IReadOnlyList<string> sources)
    {
        if (instruction.Flag("from") is { } from)
            throw new FormatException($"COPY --from={from} is not permitted in an extension's Dockerfile: it has one FROM; put the files into the context");
        if (sources.Count + instruction.Heredocs.Count + instruction.Flags.Count > MaxSources)
            throw new FormatException($"more than {MaxSources} sources and flags; copy a directory instead");
        var paths = new List<string>();
        var urls = new List<string>();
        foreach (var source in sources.Select(expander.Expand))
        {
            if (source.Contains('\0'))
                throw new FormatException("a path has a NUL character in it");
            if (IsGit(source))
                throw new FormatException(isAdd ? $"git repositories are not supported as a source: {source}; clone it in generate, into the context" : "source can't be a git ref for COPY");
            var isUrl = source.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || source.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
            if (isUrl && !isAdd)
                throw new FormatException("source can't be a URL for COPY; use ADD");
            (isUrl ? urls : paths).Add(source);
        }
        return (paths, urls);
    }

    /// <summary>The here-documents that are sources, with variables expanded unless their word was quoted.</summary>
    public List<InlineFile> InlineFiles(int otherSources)
    {
        var files = new List<InlineFile>();
        foreach (var heredoc in instruction.Heredocs)
        {
            if (heredoc.Name.Contains('/') || heredoc.Name is "." or "..")
                throw new FormatException($"'{heredoc.Name}' cannot be the name of a file; name the here-document without a slash");
            files.Add(new InlineFile(heredoc.Name, heredoc.Expand ? expander.ExpandDocument(heredoc.Body) : heredoc.Body));
        }
        return files.Count + otherSources > 0 ? files : throw new FormatException($"{instruction.Keyword} has no source");
    }

    public Digest? Checksum(int urls, int paths)
    {
        if (instruction.Flag("checksum") is not { } text)
            return null;
        if (urls + paths != 1)
            throw new FormatException("checksum can't be specified for multiple sources");
        if (urls != 1)
            throw new FormatException("checksum requires HTTP(S) sources");
        return Digest.Parse(expander.Expand(text));
    }

    public string? Chown()
    {
        if (instruction.Flag("chown") is not { } text)
            return null;
        var chown = expander.Expand(text);
        if (chown.Trim(':').Length == 0)
            throw new FormatException($"--chown={text} is empty after expansion; declare the ARGs it uses after FROM");
        var owner = UserText.Parse(chown);
        if (instruction.Switch("link") && (owner.UserId is null || (owner.Group is not null && owner.GroupId is null)))
            throw new FormatException($"--chown={chown} needs the image's passwd and group files, which --link does not see; write numbers, or leave --link out");
        return chown;
    }

    public ModeChange? Chmod() => instruction.Flag("chmod") is { } text ? ModeChange.Parse(expander.Expand(text)) : null;

    public List<string> Exclude() => [.. instruction.Flags.Where(flag => flag.Name == "exclude").Select(flag => expander.Expand(flag.Value))];

    private static bool IsGit(string source) =>
        source.StartsWith("git@", StringComparison.Ordinal) || source.StartsWith("git://", StringComparison.OrdinalIgnoreCase) ||
        source.StartsWith("ssh://", StringComparison.OrdinalIgnoreCase) ||
        (source.StartsWith("http", StringComparison.OrdinalIgnoreCase) && source.Contains("://", StringComparison.Ordinal) &&
            (source.EndsWith(".git", StringComparison.Ordinal) || source.Contains(".git#", StringComparison.Ordinal)));
}
