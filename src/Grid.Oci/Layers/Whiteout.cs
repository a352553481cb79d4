using Grid.Oci.FileSystem;
using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.Layers;

/// <summary>Whiteouts as overlayfs has them: a character device 0:0 for a name, an attribute for a directory that hides all below it.</summary>
internal static class Whiteout
{
    internal static bool Is(in Native.StatXBuffer status) =>
        Posix.Kind(status.Mode) == FileKind.CharacterDevice && status is { DeviceMajor: 0, DeviceMinor: 0 };

    /// <summary>Hides what lower layers have under a name. What this layer has there stays; a directory of it becomes opaque.</summary>
    internal static void Make(SafeFileHandle parent, byte[] name, string path)
    {
        var error = Nodes.TryCreate(parent, name, FileKind.CharacterDevice, 0, default);
        if (error == Errno.Exists)
        {
            if (Posix.TryStat(parent, name, out var status) == 0 && Posix.Kind(status.Mode) == FileKind.Directory)
                MakeOpaque(parent, name, path);
            return;
        }
        if (error != 0)
            throw Posix.Error(error, "make the whiteout", path);
    }

    /// <summary>Makes a directory hide the ones below it.</summary>
    internal static void MakeOpaque(SafeFileHandle parent, byte[] name, string path)
    {
        var error = Xattrs.TrySet(parent, name, LowerDirectories.OpaqueTrusted, "y"u8);
        // Without CAP_SYS_ADMIN of the host (rootless) overlayfs is mounted with "userxattr" and looks at the other name.
        if (error == Errno.NotPermitted)
            error = Xattrs.TrySet(parent, name, LowerDirectories.OpaqueUser, "y"u8);
        if (error != 0)
            throw Posix.Error(error, "make the directory opaque", path);
    }
}
