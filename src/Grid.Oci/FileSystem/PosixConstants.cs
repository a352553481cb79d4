using System.Runtime.InteropServices;

namespace Grid.Oci.FileSystem;

/// <summary>Error numbers of Linux that are told apart somewhere.</summary>
internal static class Errno
{
    internal const int NotPermitted = 1;
    internal const int NoEntry = 2;
    internal const int Interrupted = 4;
    internal const int TryAgain = 11;
    internal const int Busy = 16;
    internal const int Exists = 17;
    internal const int CrossDevice = 18;
    internal const int NotDirectory = 20;
    internal const int IsDirectory = 21;
    internal const int NoSpace = 28;
    internal const int Range = 34;
    internal const int NoSystemCall = 38;
    internal const int NotEmpty = 39;
    internal const int Loop = 40;
    internal const int NoData = 61;
    internal const int NotSupported = 95;
    internal const int Quota = 122;
}

/// <summary>Flags of open(2). Some differ between processors.</summary>
internal static class OpenFlags
{
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    internal const int ReadOnly = 0;
    internal const int WriteOnly = 1;
    internal const int Create = 0x40;
    internal const int Exclusive = 0x80;
    internal const int NoTerminal = 0x100;
    internal const int Truncate = 0x200;
    internal const int NonBlocking = 0x800;
    internal const int CloseOnExec = 0x80000;
    internal const int PathOnly = 0x200000;

    internal static readonly int Directory = IsArm ? 0x4000 : 0x10000;
    internal static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;
}

/// <summary>How openat2(2) may resolve a path.</summary>
internal static class Resolve
{
    internal const ulong NoMagicLinks = 0x02;
    internal const ulong NoSymbolicLinks = 0x04;
    internal const ulong InRoot = 0x10;
}

/// <summary>Flags of the *at family.</summary>
internal static class AtFlags
{
    internal const int SymbolicLinkNoFollow = 0x100;
    internal const int RemoveDirectory = 0x200;
    internal const int EmptyPath = 0x1000;
}

/// <summary>The file type bits of a mode.</summary>
internal static class ModeBits
{
    internal const int TypeMask = 0xF000;
    internal const int Fifo = 0x1000;
    internal const int CharacterDevice = 0x2000;
    internal const int Directory = 0x4000;
    internal const int BlockDevice = 0x6000;
    internal const int Regular = 0x8000;
    internal const int SymbolicLink = 0xA000;
    internal const int Socket = 0xC000;
    internal const int Permissions = 0xFFF;
}
