using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;

namespace Grid.Cli.Lifecycle;

/// <summary>What a phase was called with: flags before variables before defaults, paths absolute.</summary>
internal sealed class PhaseInputs
{
    private const string LayersPlaceholder = "<layers>";
    private readonly Dictionary<PhaseFlag, List<string>> _given;
    private readonly Func<string, string?> _variable;
    private readonly string _directory;

    private PhaseInputs(ApiVersion api, Dictionary<PhaseFlag, List<string>> given, IReadOnlyList<string> arguments, Func<string, string?> variable, string directory) =>
        (Api, _given, Arguments, _variable, _directory) = (api, given, arguments, variable, directory);

    /// <summary>CNB_PLATFORM_API.</summary>
    public ApiVersion Api { get; }

    /// <summary>What stands behind the flags.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>Where order.toml is: the layers directory's when it has one, otherwise the builder's.</summary>
    public string OrderPath => IsGiven(PhaseFlags.Order) || Variable(PhaseFlags.Order) is not null || File.Exists(Get(PhaseFlags.Order))
        ? Get(PhaseFlags.Order) : PhaseFlags.BuilderOrder;

    /// <summary>Reads a command line as Go's flag package does: <c>-flag value</c>, <c>-flag=value</c>, <c>--flag</c>; the first argument that is no flag ends them.</summary>
    /// <param name="flags">The flags the phase has.</param>
    /// <param name="api">CNB_PLATFORM_API.</param>
    /// <param name="arguments">The command line without the phase's name.</param>
    /// <param name="variable">Gives a variable's value.</param>
    /// <param name="directory">What relative paths are relative to.</param>
    /// <exception cref="LifecycleException">Exit code 2: an unknown flag, a missing or a wrong value.</exception>
    public static PhaseInputs Parse(IEnumerable<PhaseFlag> flags, ApiVersion api, IReadOnlyList<string> arguments, Func<string, string?> variable, string directory)
    {
        var known = flags.ToDictionary(f => f.Name, StringComparer.Ordinal);
        var given = new Dictionary<PhaseFlag, List<string>>();
        var next = 0;
        while (next < arguments.Count && arguments[next] is ['-', _, ..] argument)
        {
            next++;
            if (argument == "--")
                break;
            var text = argument[1] == '-' ? argument[2..] : argument[1..];
            var equals = text.IndexOf('=');
            var name = equals < 0 ? text : text[..equals];
            if (name.Length == 0 || name[0] == '-')
                throw Wrong($"bad flag syntax: {argument}");
            if (!known.TryGetValue(name, out var flag))
                throw Wrong($"flag provided but not defined: -{name}");
            string value;
            if (equals >= 0)
                value = text[(equals + 1)..];
            else if (flag.IsSwitch)
                value = "true";
            else if (next < arguments.Count)
                value = arguments[next++];
            else
                throw Wrong($"flag needs an argument: -{name}");
            if (!flag.Accepts(value))
                throw Wrong($"invalid value \"{value}\" for flag -{name}");
            if (!given.TryGetValue(flag, out var values))
                given[flag] = values = [];
            values.Add(value);
        }
        return new PhaseInputs(api, given, [.. arguments.Skip(next)], variable, directory);
    }

    /// <summary>Whether the flag itself stands on the command line.</summary>
    public bool IsGiven(PhaseFlag flag) => _given.ContainsKey(flag);

    /// <summary>The value of an input; an empty path stays empty.</summary>
    public T Get<T>(PhaseFlag<T> flag) where T : notnull
    {
        var value = _given.TryGetValue(flag, out var texts) ? flag.Parse(texts) : flag.ParseVariable(Variable(flag));
        return flag.IsPath && value is string path ? (T)(object)Resolve(path) : value;
    }

    /// <summary>The value of an environment variable, or null when it is not set or empty.</summary>
    public string? Variable(string name) => _variable(name) is { Length: > 0 } value ? value : null;

    private string? Variable(PhaseFlag flag) => flag.Variable is null ? null : Variable(flag.Variable);

    private string Resolve(string path) => path.Length == 0 ? path
        : Path.GetFullPath(path.Contains(LayersPlaceholder, StringComparison.Ordinal) ? path.Replace(LayersPlaceholder, Get(PhaseFlags.Layers), StringComparison.Ordinal) : path, _directory);

    private static LifecycleException Wrong(string message) => new(ExitCode.ParseFlags, message);
}
