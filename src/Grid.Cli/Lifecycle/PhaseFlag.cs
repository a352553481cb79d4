namespace Grid.Cli.Lifecycle;

/// <summary>An input of a lifecycle phase: a flag, an environment variable or both; the flag wins (platform.md §Usage).</summary>
/// <param name="name">The flag's name without dashes.</param>
/// <param name="variable">The variable that gives the value when the flag does not; null when there is none.</param>
/// <param name="help">What it is, for the usage text.</param>
internal abstract class PhaseFlag(string name, string? variable, string help)
{
    public string Name { get; } = name;

    public string? Variable { get; } = variable;

    public string Help { get; } = help;

    /// <summary>Whether the flag needs no value.</summary>
    public abstract bool IsSwitch { get; }

    /// <summary>Whether a text can be the flag's value.</summary>
    public abstract bool Accepts(string text);

    public override string ToString() => "-" + Name;
}

/// <summary>An input with a type.</summary>
/// <param name="name">The flag's name without dashes.</param>
/// <param name="variable">The variable that gives the value when the flag does not.</param>
/// <param name="help">What it is.</param>
/// <param name="parse">Gives the value of a text, or null for one that is none.</param>
/// <param name="fallback">The value when nobody gives one; in a path, <c>&lt;layers&gt;</c> stands for the layers directory.</param>
internal sealed class PhaseFlag<T>(string name, string? variable, string help, Func<string, object?> parse, T fallback) : PhaseFlag(name, variable, help)
    where T : notnull
{
    public override bool IsSwitch => typeof(T) == typeof(bool);

    public T Fallback { get; } = fallback;

    /// <summary>Whether the value is a path, which is made absolute.</summary>
    public bool IsPath { get; init; }

    /// <summary>Puts what was given several times together; null for flags whose last value counts.</summary>
    public Func<IEnumerable<T>, T>? Combine { get; init; }

    public override bool Accepts(string text) => parse(text) is not null;

    /// <summary>The value of texts the flag accepts.</summary>
    public T Parse(IReadOnlyList<string> texts) => Combine is null ? Parse(texts[^1]) : Combine(texts.Select(Parse));

    /// <summary>The value of the variable; one that cannot be read counts as not set, as in the reference.</summary>
    public T ParseVariable(string? text) => string.IsNullOrEmpty(text) ? Fallback : parse(text) is T value ? value : Fallback;

    private T Parse(string text) => parse(text) is T value ? value : throw new FormatException($"invalid value \"{text}\" for flag {this}");
}
