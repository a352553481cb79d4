using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

/// <summary>Extended attributes of a name in an open directory, never following a link.</summary>
/// <remarks>
/// There is no *at form before Linux 6.13. The directory's descriptor is reached through /proc/self/fd, which names exactly that directory,
/// and the l* calls do not follow the last part.
/// </remarks>
internal static class Xattrs
{
    /// <summary>All attributes, or null when there are none or the file system has no attributes.</summary>
    internal static IReadOnlyDictionary<string, byte[]>? Read(SafeFileHandle directory, byte[] name, string path)
    {
        var location = Location(directory, name);
        Span<byte> names = stackalloc byte[1024];
        var length = Native.LListXattr(location, names, names.Length);
        if (length < 0 && Marshal.GetLastPInvokeError() == Errno.Range)
        {
            // 64 KiB is the kernel's limit for a list (XATTR_LIST_MAX).
            names = new byte[64 * 1024];
            length = Native.LListXattr(location, names, names.Length);
        }
        if (length < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error == Errno.NotSupported ? null : throw Posix.Error(error, "list the extended attributes of", path);
        }
        return length == 0 ? null : ReadValues(location, names[..(int)length], path);
    }

    /// <summary>Sets one attribute of a name.</summary>
    internal static int TrySet(SafeFileHandle directory, byte[] name, string attribute, ReadOnlySpan<byte> value) =>
        Posix.Result(Native.LSetXattr(Location(directory, name), Posix.Name(attribute), value, value.Length, 0));

    /// <summary>Sets one attribute of an open file.</summary>
    internal static int TrySet(SafeFileHandle file, string attribute, ReadOnlySpan<byte> value) =>
        Posix.Result(Native.FSetXattr(file, Posix.Name(attribute), value, value.Length, 0));

    private static Dictionary<string, byte[]>? ReadValues(byte[] location, ReadOnlySpan<byte> names, string path)
    {
        var result = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        // 64 KiB is the kernel's limit for a value (XATTR_SIZE_MAX).
        var buffer = new byte[64 * 1024];
        while (!names.IsEmpty)
        {
            var end = names.IndexOf((byte)0);
            byte[] attribute = names[..(end + 1)].ToArray();
            names = names[(end + 1)..];
            var length = Native.LGetXattr(location, attribute, buffer, buffer.Length);
            if (length >= 0)
                result[Posix.Text(attribute)] = buffer[..(int)length];
            else if (Marshal.GetLastPInvokeError() is var error && error is not (Errno.NoData or Errno.NotSupported))
                throw Posix.Error(error, $"read the extended attribute {Posix.Text(attribute)} of", path);
        }
        return result.Count == 0 ? null : result;
    }

    private static byte[] Location(SafeFileHandle directory, byte[] name) =>
        [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{directory.DangerousGetHandle()}/"), .. name];
}
