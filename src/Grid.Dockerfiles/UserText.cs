using System.Globalization;

namespace Grid.Dockerfiles;

/// <summary>A <c>user[:group]</c> as USER and <c>--chown</c> write it; names are resolved in the image's own passwd and group files.</summary>
/// <param name="User">Name or number; never empty.</param>
/// <param name="Group">Name or number; null when none was written, then it is the user's own group (0 for a number that passwd does not know).</param>
public sealed record UserText(string User, string? Group)
{
    /// <summary>The user as a number, or null when it is a name.</summary>
    public int? UserId => Number(User);

    /// <summary>The group as a number, or null when it is a name or not there.</summary>
    public int? GroupId => Group is null ? null : Number(Group);

    /// <summary>Whether it is surely root; a name other than <c>root</c> can still turn out to be user 0 in passwd.</summary>
    public bool IsRoot => User == "root" || UserId == 0;

    /// <summary>
    /// Reads it; empty text means root. <c>1001:</c> has no group. Throws <see cref="FormatException"/> for a missing user, more than one
    /// colon, control characters, and numbers above 2147483647, which engines have been known to wrap around to 0 (CVE-2024-40635).
    /// </summary>
    public static UserText Parse(string text)
    {
        if (text.Length == 0)
            return new UserText("0", null);
        var parts = text.Split(':');
        if (parts.Length > 2 || parts[0].Length == 0)
            throw new FormatException($"user '{text}' is not of the form user[:group]");
        foreach (var part in parts)
            Check(part, text);
        return new UserText(parts[0], parts.Length == 2 && parts[1].Length > 0 ? parts[1] : null);
    }

    public override string ToString() => Group is null ? User : User + ":" + Group;

    private static void Check(string part, string text)
    {
        if (part.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c == '/'))
            throw new FormatException("a user or group has a blank, a slash or a control character in it");
        if (part.Length > 0 && part.All(char.IsAsciiDigit) && Number(part) is null)
            throw new FormatException($"user '{text}': {part} is out of range (0 to {int.MaxValue})");
        if (part.Length > 1 && part[0] is '-' or '+' && part[1..].All(char.IsAsciiDigit))
            throw new FormatException($"user '{text}': {part} is not a valid number (0 to {int.MaxValue})");
    }

    private static int? Number(string text) =>
        text.All(char.IsAsciiDigit) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
