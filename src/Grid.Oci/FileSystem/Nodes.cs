using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

/// <summary>Device nodes and FIFOs.</summary>
internal static class Nodes
{
    /// <summary>Makes a node of a kind that has no content; returns the error number.</summary>
    internal static int TryCreate(SafeFileHandle directory, byte[] name, FileKind kind, int mode, (uint Major, uint Minor) device)
    {
        var type = kind switch
        {
            FileKind.CharacterDevice => ModeBits.CharacterDevice,
            FileKind.BlockDevice => ModeBits.BlockDevice,
            FileKind.Fifo => ModeBits.Fifo,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "only devices and FIFOs are nodes"),
        };
        var number = kind == FileKind.Fifo ? 0 : Posix.MakeDevice(device.Major, device.Minor);
        return Posix.Result(Native.MkNodAt(directory, name, (uint)(type | (mode & ModeBits.Permissions)), number));
    }
}
