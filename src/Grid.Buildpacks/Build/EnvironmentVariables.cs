using System.Text;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Build;

/// <summary>Variables, and the rules by which files change them (buildpack.md §Environment Variable Modification Rules).</summary>
internal sealed class EnvironmentVariables
{
    // A variable that does not fit into a process's environment is of no use to anybody.
    private const long MaxValueBytes = 1 << 20;

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    public string this[string name]
    {
        get => _values.GetValueOrDefault(name, "");
        set => _values[name] = value;
    }

    public EnvironmentVariables Copy()
    {
        var copy = new EnvironmentVariables();
        foreach (var (name, value) in _values)
            copy._values[name] = value;
        return copy;
    }

    public IReadOnlyList<string> ToList() => [.. _values.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => $"{item.Key}={item.Value}")];

    public void Prepend(string name, string value, string delimiter) => this[name] = this[name].Length == 0 ? value : value + delimiter + this[name];

    /// <summary>Applies a directory of files <c>NAME[.action]</c>, in the order of their names; a missing directory changes nothing.</summary>
    public void Apply(IFileTree files, string directory, string defaultAction)
    {
        foreach (var (fileName, path) in Files(files, directory))
        {
            var dot = fileName.IndexOf('.');
            var name = dot < 0 ? fileName : fileName[..dot];
            if (name.Length == 0)
                continue;
            Apply(name, dot < 0 ? defaultAction : fileName[(dot + 1)..], Read(files, path), () => Delimiter(files, directory, name));
        }
    }

    /// <summary>Applies the user's files: a name is a variable, whatever dots it has; search paths are put in front, everything else is set.</summary>
    public void ApplyUser(IFileTree files, string directory, string[] pathNames)
    {
        foreach (var (name, path) in Files(files, directory))
        {
            if (pathNames.Contains(name))
                Prepend(name, Read(files, path), ":");
            else
                this[name] = Read(files, path);
        }
    }

    private void Apply(string name, string action, string value, Func<string?> delimiter)
    {
        switch (action)
        {
            case "override":
                this[name] = value;
                break;
            case "default" when this[name].Length == 0:
                this[name] = value;
                break;
            case "append":
                this[name] = this[name].Length == 0 ? value : this[name] + (delimiter() ?? "") + value;
                break;
            case "prepend":
                Prepend(name, value, delimiter() ?? "");
                break;
            case "":
                // "NAME." is left over from early APIs: prepend, with ":" unless said otherwise.
                Prepend(name, value, delimiter() ?? ":");
                break;
            default:
                // default of a variable that is set, .delim, and what later APIs may invent.
                break;
        }
    }

    private static string? Delimiter(IFileTree files, string directory, string name) =>
        files.Stat($"{directory}/{name}.delim") is { IsFile: true } ? Read(files, $"{directory}/{name}.delim") : null;

    private static IEnumerable<(string Name, string Path)> Files(IFileTree files, string directory)
    {
        if (files.Stat(directory) is not { IsDirectory: true })
            return [];
        return files.List(directory)
            .Select(entry => (entry.Name, Path: $"{directory}/{entry.Name}"))
            .Where(item => (files.Stat(item.Path) ?? throw new FileNotFoundException($"'{item.Path}' is a link to nothing; remove it or make its target")).IsFile);
    }

    private static string Read(IFileTree files, string path)
    {
        if (files.Stat(path) is { Size: > MaxValueBytes } file)
            throw new IOException($"'{path}' has {file.Size} bytes; a variable may have {MaxValueBytes}");
        using var reader = new StreamReader(files.OpenRead(path), new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false);
        return reader.ReadToEnd();
    }
}
