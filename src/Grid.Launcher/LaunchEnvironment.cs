namespace Grid.Launcher;

/// <summary>The environment the app will get (platform.md §launcher, buildpack.md §Environment Variable Modification Rules).</summary>
internal sealed class LaunchEnvironment
{
    /// <summary>What tells the launcher, not the app.</summary>
    private static readonly string[] OwnNames =
        ["CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_PROCESS_TYPE", "CNB_PLATFORM_API", "CNB_DEPRECATION_MODE"];

    /// <summary>Entries of the image's PATH that lead to the launcher itself.</summary>
    private static readonly string[] OwnDirectories = ["/cnb/process", "/cnb/lifecycle"];

    private readonly Dictionary<string, string> _values = [];

    private LaunchEnvironment() { }

    /// <summary>The container's environment (<c>NAME=value</c>) without what belongs to the launcher.</summary>
    public static LaunchEnvironment From(IEnumerable<string> variables)
    {
        var environment = new LaunchEnvironment();
        foreach (var variable in variables)
        {
            // The search starts at 1: a name may not be empty, but one that starts with "=" is passed on as it is.
            var equals = variable.Length > 1 ? variable.IndexOf('=', 1) : -1;
            if (equals > 0 && Array.IndexOf(OwnNames, variable[..equals]) < 0)
                environment._values[variable[..equals]] = variable[(equals + 1)..];
        }
        if (environment._values.TryGetValue("PATH", out var path))
            environment._values["PATH"] = WithoutOwnDirectories(path);
        return environment;
    }

    public string Get(string name) => _values.GetValueOrDefault(name, "");

    public void Set(string name, string value) => _values[name] = value;

    /// <summary><c>NAME=value</c>, sorted by name.</summary>
    public List<string> ToList()
    {
        var list = new List<string>(_values.Count);
        foreach (var (name, value) in _values)
            list.Add(name + "=" + value);
        list.Sort(string.CompareOrdinal);
        return list;
    }

    /// <summary>Puts a layer's <c>bin</c> and <c>lib</c> before what is on PATH and LD_LIBRARY_PATH.</summary>
    public void AddLayerRoot(string layer)
    {
        AddDirectory("PATH", layer + "/bin");
        AddDirectory("LD_LIBRARY_PATH", layer + "/lib");
    }

    /// <summary>Applies the files of an <c>env</c> directory in the order of their names; a directory that is not there changes nothing.</summary>
    public void AddFiles(string directory)
    {
        foreach (var entry in Posix.List(directory))
        {
            var path = directory + "/" + entry.Name;
            if (entry.IsDirectory || Posix.IsDirectory(path))
                continue;
            var dot = entry.Name.IndexOf('.');
            var name = dot < 0 ? entry.Name : entry.Name[..dot];
            if (name.Length == 0)
                continue;
            var value = Posix.ReadFile(path) ?? throw new LaunchException($"{path} is a link to nothing");
            Apply(directory, name, dot < 0 ? null : entry.Name[(dot + 1)..], value);
        }
    }

    private void Apply(string directory, string name, string? action, string value)
    {
        var old = Get(name);
        switch (action)
        {
            case null or "override":
                _values[name] = value;
                break;
            case "default":
                if (old.Length == 0)
                    _values[name] = value;
                break;
            case "append":
                _values[name] = old.Length == 0 ? value : old + Delimiter(directory, name, "") + value;
                break;
            case "prepend":
                _values[name] = old.Length == 0 ? value : value + Delimiter(directory, name, "") + old;
                break;
            case "":
                // "NAME." is what the reference lifecycle has left of its oldest rules: prepend as to a path.
                _values[name] = old.Length == 0 ? value : value + Delimiter(directory, name, ":") + old;
                break;
        }
    }

    private void AddDirectory(string name, string directory)
    {
        if (!Posix.Exists(directory))
            return;
        var old = Get(name);
        _values[name] = old.Length == 0 ? directory : directory + ":" + old;
    }

    private static string Delimiter(string directory, string name, string otherwise) =>
        Posix.ReadFile(directory + "/" + name + ".delim") ?? otherwise;

    private static string WithoutOwnDirectories(string path)
    {
        var kept = new List<string>();
        foreach (var entry in path.Split(':'))
        {
            if (Array.IndexOf(OwnDirectories, entry) < 0)
                kept.Add(entry);
        }
        return string.Join(':', kept);
    }
}
