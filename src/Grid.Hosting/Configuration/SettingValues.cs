using System.Globalization;
using Grid.Buildpacks.Toml;

namespace Grid.Hosting.Configuration;

/// <summary>
/// What was given for each setting: a flag wins over the environment, and that over the file. Everything that cannot be read is remembered with the
/// place it stands in, so that a user sees all of it at once.
/// </summary>
internal sealed class SettingValues
{
    private readonly Dictionary<string, Given> _given = new(StringComparer.Ordinal);
    private readonly List<string> _errors = [];

    /// <param name="Values">What was given; one value unless it is a list.</param>
    /// <param name="Label">How messages name the place: the flag, the variable, or file, line and setting.</param>
    private sealed record Given(IReadOnlyList<string> Values, string Label);

    /// <summary>What cannot be used, a line each.</summary>
    public IReadOnlyList<string> Errors => _errors;

    public void Fail(string error) => _errors.Add(error);

    /// <summary>Takes what a TOML document gives.</summary>
    public void AddFile(TomlTable document) => AddTable(document, "");

    /// <summary>Takes variables; one that begins with <c>GRID_</c> and is not ours is left alone, as others use that prefix too.</summary>
    public void AddEnvironment(Func<string, string?> variable)
    {
        foreach (var setting in NodeSettings.All)
        {
            if (variable(setting.Variable) is { Length: > 0 } text)
                _given[setting.Name] = new Given(setting.Kind == SettingKind.List ? Split(text) : [text], setting.Variable);
        }
    }

    /// <summary>Takes flags.</summary>
    public void AddFlag(Setting setting, IReadOnlyList<string> values)
    {
        if (values.Count > 0)
            _given[setting.Name] = new Given(setting.Kind == SettingKind.List ? [.. values.SelectMany(Split)] : [values[^1]], setting.Flag);
    }

    /// <summary>Whether somebody gave it.</summary>
    public bool Has(Setting setting) => _given.ContainsKey(setting.Name);

    /// <summary>Where it was given, and its value unless that may be secret: for messages.</summary>
    public string Describe(Setting setting) => _given.TryGetValue(setting.Name, out var given)
        ? setting.IsSecret ? given.Label : $"{given.Label} '{string.Join(',', given.Values)}'"
        : setting.Name;

    public string? Text(Setting setting) => _given.TryGetValue(setting.Name, out var given) ? given.Values[0] : null;

    /// <summary>The values of a list; null when nobody gave one.</summary>
    public IReadOnlyList<string>? List(Setting setting)
    {
        if (!_given.TryGetValue(setting.Name, out var given))
            return null;
        foreach (var word in given.Values.Where(w => setting.Words.Count > 0 && !setting.Words.Contains(w, StringComparer.Ordinal)))
            Fail($"{given.Label} '{word}': want {Choice(setting.Words)}");
        return given.Values;
    }

    /// <summary>The chosen word, or the default.</summary>
    public string Word(Setting setting, string defaultWord)
    {
        if (Text(setting) is not { } word)
            return defaultWord;
        if (setting.Words.Contains(word, StringComparer.Ordinal))
            return word;
        Fail($"{Describe(setting)}: want {Choice(setting.Words)}");
        return defaultWord;
    }

    public long Number(Setting setting)
    {
        var fallback = long.Parse(setting.Default, CultureInfo.InvariantCulture);
        if (Text(setting) is not { } text)
            return fallback;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= setting.Range.Least && number <= setting.Range.Greatest)
            return number;
        Fail($"{Describe(setting)}: want a whole number from {setting.Range.Least} to {setting.Range.Greatest}");
        return fallback;
    }

    private void AddTable(TomlTable table, string prefix)
    {
        foreach (var (key, value) in table.Entries)
        {
            var name = prefix + key;
            var at = $"{value.Position.File}:{value.Position.Line}";
            var setting = NodeSettings.All.FirstOrDefault(s => s.Name == name);
            if (setting is not null)
                AddValue(setting, value, at);
            else if (value is TomlTable inner && NodeSettings.All.Any(s => s.Name.StartsWith(name + ".", StringComparison.Ordinal)))
                AddTable(inner, name + ".");
            else
                Fail($"{at}: there is no setting '{name}'");
        }
    }

    private void AddValue(Setting setting, TomlValue value, string at)
    {
        IReadOnlyList<string>? texts = (setting.Kind, value) switch
        {
            (SettingKind.List, TomlArray array) when array.Items.All(i => i is TomlScalar { Kind: TomlScalarKind.String }) => [.. array.Items.Select(i => ((TomlScalar)i).Text)],
            (SettingKind.Number, TomlScalar { Kind: TomlScalarKind.Integer } number) => [number.Text],
            (SettingKind.Text or SettingKind.Word, TomlScalar { Kind: TomlScalarKind.String } text) => [text.Text],
            _ => null,
        };
        if (texts is null)
            Fail($"{at}: {setting.Name}: want {setting.Kind switch { SettingKind.List => "an array of strings", SettingKind.Number => "a whole number", _ => "a string" }}, not {value.Description}");
        else if (texts.Count > 0)
            _given[setting.Name] = new Given(texts, $"{at}: {setting.Name}");
    }

    private static List<string> Split(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];

    private static string Choice(IReadOnlyList<string> words) => string.Join(", ", words.SkipLast(1)) + " or " + words[^1];
}
