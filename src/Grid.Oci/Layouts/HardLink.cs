using System.Runtime.InteropServices;

namespace Grid.Oci.Layouts;

/// <summary>link(2), for which .NET has no call.</summary>
public static class HardLink
{
    /// <summary>Gives a file a second name; false where the file systems differ or do not allow it, and then it has to be copied.</summary>
    public static bool TryCreate(string existing, string created) =>
        (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()) && Link(existing, created) == 0;

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string created);
}
