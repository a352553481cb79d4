using System.Text;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Build;

/// <summary>The image's own user database.</summary>
internal static class PasswdFile
{
    // More users than any image has.
    private const long MaxBytes = 4 << 20;

    /// <summary>The home directory of a user, or null when the image does not know the user.</summary>
    public static string? HomeOf(IFileTree files, int userId)
    {
        if (files.Stat("/etc/passwd") is not { IsFile: true, Size: <= MaxBytes })
            return null;
        using var reader = new StreamReader(files.OpenRead("/etc/passwd"), Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            // name:password:uid:gid:comment:home:shell
            if (line.Split(':') is [_, _, var id, _, _, var home, ..] && int.TryParse(id, out var number) && number == userId)
                return home.Length == 0 ? null : home;
        }
        return null;
    }
}
