using System.Text;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.Mounts;

/// <summary>The mounts of this process's namespace.</summary>
internal static class MountTable
{
    /// <summary>Mount points at or below a directory, those made last first.</summary>
    public static List<string> Below(string directory)
    {
        var result = new List<string>();
        foreach (var line in File.ReadLines("/proc/self/mountinfo", Encoding.Latin1))
        {
            var path = Unescape(line.Split(' ', 6)[4]);
            if (path == directory || path.StartsWith(directory + "/", StringComparison.Ordinal))
                result.Add(path);
        }
        result.Reverse();
        return result;
    }

    /// <summary>Unmounts everything at or below a directory; what is busy is detached.</summary>
    public static void UnmountBelow(string directory)
    {
        foreach (var path in Below(directory))
        {
            var errno = Libc.TryUnmount(path, lazy: false);
            if (errno == Errno.Busy)
                errno = Libc.TryUnmount(path, lazy: true);
            // Invalid: no longer a mount point, because a mount above it was detached with it.
            if (errno is not (0 or Errno.Invalid or Errno.NoEntry))
                throw new SandboxException($"cannot unmount {path}: {Libc.Failure("umount2", errno).Message}");
        }
    }

    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
            return Grid.Oci.FileSystem.BytePath.Decode(Encoding.Latin1.GetBytes(text));
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length)
            {
                bytes.Add((byte)(((text[i + 1] - '0') << 6) + ((text[i + 2] - '0') << 3) + (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                bytes.Add((byte)text[i]);
            }
        }
        return Grid.Oci.FileSystem.BytePath.Decode([.. bytes]);
    }
}
