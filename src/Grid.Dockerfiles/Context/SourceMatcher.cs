using Grid.Dockerfiles.Planning;

namespace Grid.Dockerfiles.Context;

/// <summary>Matches the sources of one COPY or ADD. Throws <see cref="FormatException"/>.</summary>
internal sealed class SourceMatcher(CopyStep step, ContextTree tree)
{
    private readonly IgnoreFile? _exclude = step.Exclude.Count == 0 ? null : IgnoreFile.Of(step.Exclude);
    private readonly List<CopiedFile> _files = [];

    /// <summary>A source found: the name the instruction sees, and what is behind it with links resolved.</summary>
    private readonly record struct Found(string Path, ContextEntry Entry);

    public List<CopiedFile> Match()
    {
        var found = step.Sources.Select(source => (source, matches: step.Parents ? [] : Find(source))).ToList();
        if (step.Parents)
        {
            foreach (var source in step.Sources)
                AddWithParents(source);
        }
        var roots = found.SelectMany(item => item.matches).ToList();
        if (roots.Count > 1 && !step.DestinationIsDirectory)
            throw new FormatException($"When using {Keyword} with more than one source file, the destination must be a directory and end with a /: {step.Sources.Count} sources match {roots.Count} files");
        foreach (var root in roots)
            Add(root);
        if (step.Sources.Count > 0 && roots.Count == 0 && _files.Count == 0 && step.Urls.Count + step.InlineFiles.Count == 0)
            throw new FormatException($"{Keyword}: no source matches anything in the build context: {string.Join(", ", step.Sources)}");
        return _files;
    }

    private string Keyword => step.IsAdd ? "ADD" : "COPY";

    private List<Found> Find(string source)
    {
        var path = ImagePath.Normalize("/", source)[1..];
        if (!PathPattern.HasWildcards(path))
            return [new Found(PathPattern.Unescape(path), Existing(source, PathPattern.Unescape(path)))];
        var parts = path.Split('/');
        var literal = parts.TakeWhile(part => !PathPattern.HasWildcards(part)).Select(PathPattern.Unescape).ToList();
        var pattern = PathPattern.Glob(string.Join('/', parts.Skip(literal.Count)));
        var found = new List<Found>();
        if (tree.Resolve(string.Join('/', literal)) is not { Type: ContextEntryType.Directory } directory)
            return found;
        foreach (var entry in tree.Below(directory.Path))
        {
            if (pattern.IsMatch(ContextMatcher.Relative(directory.Path, entry.Path)) && tree.Resolve(entry.Path) is { } real)
                found.Add(new Found(entry.Path, real));
        }
        return found;
    }

    private ContextEntry Existing(string source, string path) =>
        tree.Resolve(path) ?? throw new FormatException($"{Keyword} source '{source}' is not in the build context: \"/{path}\": not found");

    private void Add(Found found)
    {
        var name = ImagePath.Name(found.Path);
        if (found.Entry.Type != ContextEntryType.Directory)
        {
            if (_exclude?.Matches(name) == true)
                return;
            var destination = step.DestinationIsDirectory ? ImagePath.Join(step.Destination, name) : step.Destination;
            _files.Add(new CopiedFile(found.Entry.Path, destination, found.Entry) { MayGoInto = !step.DestinationIsDirectory, Name = name });
            return;
        }
        _files.Add(new CopiedFile(found.Entry.Path, step.Destination, found.Entry) { IsRoot = true, Name = name });
        AddBelow(found.Entry.Path, step.Destination);
    }

    private void AddBelow(string directory, string destination)
    {
        var below = tree.Below(directory).Select(entry => entry with { Path = ContextMatcher.Relative(directory, entry.Path) });
        var kept = _exclude is null ? below : _exclude.Apply(new ContextIndex([.. below])).Entries;
        foreach (var entry in kept)
        {
            var source = directory.Length == 0 ? entry.Path : ImagePath.Join(directory, entry.Path);
            _files.Add(new CopiedFile(source, ImagePath.Join(destination, entry.Path), entry with { Path = source }) { Name = ImagePath.Name(entry.Path) });
        }
    }

    // --parents: what stands behind the pivot "/./", or else the whole path, is kept below the destination.
    private void AddWithParents(string source)
    {
        var pivot = source.IndexOf("/./", StringComparison.Ordinal);
        var directory = tree.Resolve(pivot < 0 ? "" : source[..pivot]) ?? throw new FormatException($"{Keyword} source '{source}' is not in the build context");
        var path = ImagePath.Normalize("/", pivot < 0 ? source : source[(pivot + 3)..])[1..];
        var pattern = path.Length == 0 ? null : IgnoreFile.Of([path.StartsWith('!') ? "\\" + path : path]);
        var matches = tree.Below(directory.Path)
            .Select(entry => (entry, relative: ContextMatcher.Relative(directory.Path, entry.Path)))
            .Where(item => (pattern is null || pattern.Matches(item.relative)) && _exclude?.Matches(item.relative) != true)
            .ToList();
        if (matches.Count == 0 && !PathPattern.HasWildcards(path))
            throw new FormatException($"{Keyword} source '{source}' is not in the build context: \"/{path}\": not found");
        var made = new HashSet<string>(_files.Select(file => file.Destination), StringComparer.Ordinal);
        foreach (var (entry, relative) in matches)
        {
            AddParents(directory.Path, relative, made);
            if (made.Add(ImagePath.Join(step.Destination, relative)))
                _files.Add(new CopiedFile(entry.Path, ImagePath.Join(step.Destination, relative), entry) { Name = ImagePath.Name(relative) });
        }
    }

    private void AddParents(string directory, string relative, HashSet<string> made)
    {
        for (var slash = relative.IndexOf('/'); slash >= 0; slash = relative.IndexOf('/', slash + 1))
        {
            var parent = relative[..slash];
            var source = directory.Length == 0 ? parent : ImagePath.Join(directory, parent);
            if (made.Add(ImagePath.Join(step.Destination, parent)) && tree.Find(source) is { } entry)
                _files.Add(new CopiedFile(source, ImagePath.Join(step.Destination, parent), entry) { Name = ImagePath.Name(parent) });
        }
    }
}
