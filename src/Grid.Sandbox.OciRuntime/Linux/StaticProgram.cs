using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Grid.Sandbox.OciRuntime.Linux;

/// <summary>Programs of a few machine instructions, which run in any root file system because they need nothing from it.</summary>
internal static class StaticProgram
{
    private const int HeaderSize = 64, SegmentSize = 56;
    private const ulong Address = 0x400000;

    /// <summary>An ELF executable of one segment that holds code for this machine's architecture and starts with its first instruction.</summary>
    public static byte[] Of(ReadOnlySpan<byte> code)
    {
        var file = new byte[HeaderSize + SegmentSize + code.Length];
        var header = file.AsSpan();
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], (ushort)(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 183 : 62));
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], Address + HeaderSize + SegmentSize);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], SegmentSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], 1);
        var segment = header[HeaderSize..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 5);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)file.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 0x1000);
        code.CopyTo(header[(HeaderSize + SegmentSize)..]);
        return file;
    }
}
