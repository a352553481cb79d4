namespace Grid.Buildpacks.Environment;

/// <summary>Environment variables by name, last one wins, with the joins that buildpack.md §"Environment Variable Modification Rules" needs.</summary>
public sealed class EnvironmentVariables
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>No variables.</summary>
    public EnvironmentVariables() { }

    /// <summary>A copy.</summary>
    public EnvironmentVariables(EnvironmentVariables other) => _values = new(other._values, StringComparer.Ordinal);

    /// <summary>From <c>NAME=value</c> entries, split at the first "="; entries without one or without a name are left out, as execve's callers do.</summary>
    public static EnvironmentVariables Parse(IEnumerable<string> entries)
    {
        var variables = new EnvironmentVariables();
        foreach (var entry in entries)
        {
            var equals = entry.IndexOf('=');
            if (equals > 0)
                variables[entry[..equals]] = entry[(equals + 1)..];
        }
        return variables;
    }

    /// <summary>The value; empty when the variable is not set. The rules treat both alike.</summary>
    public string this[string name]
    {
        get => _values.GetValueOrDefault(name, "");
        set => _values[name] = value;
    }

    public IEnumerable<string> Names => _values.Keys;

    public bool Contains(string name) => _values.ContainsKey(name);

    public bool Remove(string name) => _values.Remove(name);

    /// <summary>Sets the value when there is none or an empty one.</summary>
    public void Default(string name, string value)
    {
        if (this[name].Length == 0)
            this[name] = value;
    }

    /// <summary>Puts a value in front, with the delimiter between when there is something to separate.</summary>
    public void Prepend(string name, string value, string delimiter) => this[name] = this[name].Length == 0 ? value : value + delimiter + this[name];

    /// <summary>Puts a value behind, with the delimiter between when there is something to separate.</summary>
    public void Append(string name, string value, string delimiter) => this[name] = this[name].Length == 0 ? value : this[name] + delimiter + value;

    /// <summary><c>NAME=value</c>, sorted by name, so that equal environments are equal lists.</summary>
    public IReadOnlyList<string> ToList() => [.. _values.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => v.Key + "=" + v.Value)];
}
