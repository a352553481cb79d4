using System.Globalization;
using System.Text;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle;

/// <summary>
/// Resolves USER in the image's own passwd and group, as Docker does: names or numbers, a number needs no entry, without a group the user's own
/// and those it is a member of. A number is always an id, even when passwd has a user of that name: <c>USER 1001</c> never turns into root.
/// </summary>
public static class UserLookup
{
    private const int MaxFileBytes = 1024 * 1024;
    private const int MaxRootUsers = 64;

    /// <summary>The numeric identity and home of a user as written in USER; empty means root.</summary>
    /// <exception cref="FormatException">No such user or group, or a number out of range (0 to 2147483647).</exception>
    public static ResolvedUser Resolve(IFileTree files, string user)
    {
        var colon = user.IndexOf(':');
        var name = colon < 0 ? user : user[..colon];
        var group = colon < 0 ? "" : user[(colon + 1)..];
        var passwd = Lines(files, "/etc/passwd").Select(l => l.Split(':')).Where(f => f.Length >= 4).ToList();
        var groups = Lines(files, "/etc/group").Select(l => l.Split(':')).Where(f => f.Length >= 3).ToList();
        if (name.Length == 0)
            name = "0";
        var entry = Number(name, "user") is { } number
            ? passwd.FirstOrDefault(f => f[2] == number.ToString(CultureInfo.InvariantCulture))
            : passwd.FirstOrDefault(f => f[0] == name);
        var uid = entry is not null ? Number(entry[2], "user") : Number(name, "user");
        if (uid is null)
            throw new FormatException($"there is no user '{name}' in /etc/passwd of the image; create it in an earlier step, or use a number");
        var home = entry is { Length: >= 6 } && entry[5].StartsWith('/') ? entry[5] : "/";
        if (group.Length > 0)
            return new ResolvedUser(new ProcessUser(uid.Value, GroupId(groups, group)), home);
        var gid = entry is null ? 0 : Number(entry[3], "group") ?? 0;
        return new ResolvedUser(new ProcessUser(uid.Value, gid) { SupplementaryGroups = entry is null ? [] : Memberships(groups, entry[0], gid) }, home);
    }

    /// <summary>The home directory of a numeric user; "/" when passwd does not know it.</summary>
    public static string HomeOf(IFileTree files, ProcessUser user) => Resolve(files, user.UserId.ToString(CultureInfo.InvariantCulture)).Home;

    /// <summary>
    /// Names of /etc/passwd, other than root, that engines take for user 0: their number is 0, or no number at all, which engines read as 0. A name may look like a number:
    /// engines look for names first, so with an entry <c>1001:x:0:0::/:</c> the image's USER 1001 would be root.
    /// </summary>
    /// <exception cref="FormatException">The file is larger than one can be, or names too many.</exception>
    public static IReadOnlyList<string> RootUsers(IFileTree files)
    {
        var names = Lines(files, "/etc/passwd").Select(l => l.Trim().Split(':')).Where(f => f[0].Length > 0 && f[0] != "root" && IsRootNumber(f.ElementAtOrDefault(2) ?? ""))
            .Select(f => f[0]).Distinct(StringComparer.Ordinal).ToList();
        return names.Count <= MaxRootUsers ? names : throw new FormatException($"/etc/passwd of the image has {names.Count} users with ID 0");
    }

    private static bool IsRootNumber(string text) => !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number == 0;

    private static int GroupId(List<string[]> groups, string group) =>
        Number(group, "group") ?? (groups.FirstOrDefault(f => f[0] == group) is { } entry ? Number(entry[2], "group") ?? 0 : throw new FormatException($"there is no group '{group}' in /etc/group of the image; create it in an earlier step, or use a number"));

    private static List<int> Memberships(List<string[]> groups, string user, int primary) =>
        [.. groups.Where(f => f.Length >= 4 && f[3].Split(',').Contains(user)).Select(f => Number(f[2], "group") ?? 0).Where(g => g != primary).Distinct().Order()];

    /// <summary>A number, or null when it is none. A number too large for an id must not wrap around to another one (CVE-2024-40635).</summary>
    private static int? Number(string text, string what)
    {
        if (text.Length == 0 || !text.All(char.IsAsciiDigit))
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw new FormatException($"{what} id {text} is out of range (0 to {int.MaxValue})");
    }

    private static string[] Lines(IFileTree files, string path)
    {
        if (files.Stat(path) is not { IsFile: true })
            return [];
        using var stream = files.OpenRead(path);
        using var bounded = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            bounded.Write(buffer, 0, read);
            if (bounded.Length > MaxFileBytes)
                throw new FormatException($"{path} of the image is larger than {MaxFileBytes} bytes");
        }
        return Encoding.UTF8.GetString(bounded.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}

/// <summary>Who a USER is.</summary>
/// <param name="User">Numeric identity.</param>
/// <param name="Home">Home directory of the passwd entry, or "/".</param>
public sealed record ResolvedUser(ProcessUser User, string Home);
