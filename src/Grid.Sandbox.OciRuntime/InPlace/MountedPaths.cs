using System.Text;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>Where something is mounted in this mount namespace: that is no part of the image below.</summary>
internal static class MountedPaths
{
    /// <summary>All mount points but the root.</summary>
    public static IReadOnlyList<string> Read() =>
        [.. File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).Where(fields => fields.Length > 4 && fields[4] != "/").Select(fields => Unescape(fields[4]))];

    // Blanks, tabs, line ends and backslashes are written as \ooo.
    private static string Unescape(string text)
    {
        if (!text.Contains('\\'))
            return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length)
            {
                result.Append((char)Convert.ToInt32(text.Substring(i + 1, 3), 8));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }
        return result.ToString();
    }
}
