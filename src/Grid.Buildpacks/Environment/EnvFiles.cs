using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Environment;

/// <summary>What a file of an environment directory does when its name has no suffix.</summary>
public enum UnsuffixedAction
{
    /// <summary>It replaces the value: a layer's env directories since Buildpack API 0.5.</summary>
    Override = 0,
    /// <summary>It is used when there is no value: <c>/cnb/build-config/env</c>.</summary>
    Default = 1,
}

/// <summary>Directories with one file for each environment variable (spec-facts §5.4; buildpack.md §Environment, platform.md §"Operator-defined variables").</summary>
public static class EnvFiles
{
    /// <summary>The largest value that is read, in bytes; the kernel takes no longer one (MAX_ARG_STRLEN).</summary>
    private const int MaxValueBytes = 128 * 1024;

    private static readonly string[] PathVariables = ["PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH"];

    /// <summary>
    /// Applies files named <c>NAME[.action]</c> in order of their names: override, default, append, prepend (joined by <c>NAME.delim</c>).
    /// Unknown suffixes and directories are ignored; a directory that is not there changes nothing.
    /// </summary>
    public static void ApplyActions(EnvironmentVariables variables, IFileTree files, string directory, UnsuffixedAction unsuffixed)
    {
        foreach (var path in Entries(files, directory))
        {
            var fileName = path[(path.LastIndexOf('/') + 1)..];
            var dot = fileName.IndexOf('.');
            var (name, action) = dot < 0 ? (fileName, null) : (fileName[..dot], fileName[(dot + 1)..]);
            if (name.Length == 0)
                continue;
            Apply(variables, files, directory, path, name, action, unsuffixed);
        }
    }

    /// <summary>
    /// Applies <c>&lt;platform&gt;/env</c>: file names are variable names as they stand. Path variables go in front of the value with ":", all others replace it.
    /// </summary>
    public static void ApplyUserValues(EnvironmentVariables variables, IFileTree files, string directory)
    {
        foreach (var path in Entries(files, directory))
        {
            var name = path[(path.LastIndexOf('/') + 1)..];
            var value = ReadValue(files, path);
            if (PathVariables.Contains(name))
                variables.Prepend(name, value, ":");
            else
                variables[name] = value;
        }
    }

    private static void Apply(
        EnvironmentVariables variables, IFileTree files, string directory, string path, string name, string? action, UnsuffixedAction unsuffixed)
    {
        switch (action)
        {
            case "override":
            case null when unsuffixed == UnsuffixedAction.Override:
                variables[name] = ReadValue(files, path);
                break;
            case "default":
            case null:
                variables.Default(name, ReadValue(files, path));
                break;
            case "append":
                variables.Append(name, ReadValue(files, path), Delimiter(files, directory, name) ?? "");
                break;
            case "prepend":
                variables.Prepend(name, ReadValue(files, path), Delimiter(files, directory, name) ?? "");
                break;
            case "":
                // "NAME." is a leftover of old Buildpack APIs that the reference still honours.
                variables.Prepend(name, ReadValue(files, path), Delimiter(files, directory, name) ?? ":");
                break;
        }
    }

    private static string? Delimiter(IFileTree files, string directory, string name)
    {
        var path = directory + "/" + name + ".delim";
        return files.Stat(path) is { IsDirectory: false } ? ReadValue(files, path) : null;
    }

    /// <summary>Paths of the directory's entries that are not (links to) directories, sorted by name. A dangling link is an error: its value is missing.</summary>
    private static IEnumerable<string> Entries(IFileTree files, string directory)
    {
        if (files.Stat(directory) is not { IsDirectory: true })
            yield break;
        foreach (var entry in files.List(directory))
        {
            var path = directory + "/" + entry.Name;
            if (entry.IsDirectory || (entry.Kind == FileKind.SymbolicLink && files.Stat(path) is { IsDirectory: true }))
                continue;
            yield return path;
        }
    }

    private static string ReadValue(IFileTree files, string path)
    {
        using var stream = files.OpenRead(path);
        var buffer = new byte[MaxValueBytes + 1];
        var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length > MaxValueBytes)
            throw new InvalidDataException($"{path}: the value of an environment variable may have at most {MaxValueBytes} bytes");
        var value = buffer.AsSpan(0, length);
        return value.Contains((byte)0)
            ? throw new InvalidDataException($"{path}: the value of an environment variable cannot hold a zero byte; remove it")
            : BytePath.Decode(value);
    }
}
