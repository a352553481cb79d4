namespace Grid.Hosting.Configuration;

/// <summary>What a setting's value looks like.</summary>
public enum SettingKind
{
    /// <summary>Any text.</summary>
    Text = 0,
    /// <summary>One of a few words.</summary>
    Word = 1,
    /// <summary>Several texts: an array in the file, separated by commas in the environment, a repeated flag.</summary>
    List = 2,
    /// <summary>A whole number.</summary>
    Number = 3,
}

/// <summary>One setting of a node. It has one name, from which its place in the file, its variable and its flag follow.</summary>
/// <param name="Name">Where it stands in the file: a key, or table and key with a dot between.</param>
/// <param name="Kind">What its value looks like.</param>
/// <param name="Default">Its value when nobody gives one, as text for people; empty for none.</param>
/// <param name="Description">What it means, with its unit.</param>
public sealed record Setting(string Name, SettingKind Kind, string Default, string Description)
{
    /// <summary>The words it may be; empty when it is no word.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The least and the greatest number it may be.</summary>
    public (long Least, long Greatest) Range { get; init; } = (0, long.MaxValue);

    /// <summary>Whether it may hold a password. Such a setting has no flag: others on the machine can read a command line.</summary>
    public bool IsSecret { get; init; }

    /// <summary>The environment variable.</summary>
    public string Variable => "GRID_" + Name.ToUpperInvariant().Replace('.', '_').Replace('-', '_');

    /// <summary>The flag of <c>grid serve</c>.</summary>
    public string Flag => "--" + Name.Replace('.', '-');
}
