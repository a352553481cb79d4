using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Mounts;

/// <summary>Mounts host files and directories inside a hostile root without following anything out of it.</summary>
internal static class Binds
{
    private const ulong ReadOnly = 0x1, NoSetUid = 0x2, NoDev = 0x4, Private = 1 << 18;

    /// <summary>Binds a host path at a path inside an open root; what is there must be of the same kind (directory or not).</summary>
    public static void Attach(SafeFileHandle root, string hostPath, string path, bool readOnly)
    {
        try
        {
            using var mount = Libc.CloneMount(hostPath, recursive: true);
            Libc.SetMountAttributes(mount, NoSetUid | NoDev | (readOnly ? ReadOnly : 0), Private);
            MoveInto(root, path, mount);
        }
        catch (IOException failure)
        {
            throw new SandboxException($"cannot mount {hostPath} at {path} in the sandbox: {failure.Message}", failure);
        }
    }

    /// <summary>Mounts an empty file system in memory at a directory inside an open root.</summary>
    public static void AttachMemory(SafeFileHandle root, string path, long sizeBytes)
    {
        try
        {
            using var mount = Memory(sizeBytes);
            Libc.SetMountAttributes(mount, NoSetUid | NoDev, Private);
            MoveInto(root, path, mount);
        }
        catch (IOException failure)
        {
            throw new SandboxException($"cannot mount a file system in memory at {path} in the sandbox: {failure.Message}", failure);
        }
    }

    private static SafeFileHandle Memory(long sizeBytes)
    {
        using var context = Libc.FsOpen("tmpfs");
        if (sizeBytes > 0)
            Configure(context, 1, "size", sizeBytes.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Configure(context, 6, null, null);
        return Libc.FsMount(context, 0);
    }

    private static void Configure(SafeFileHandle context, int command, string? key, string? value)
    {
        var errno = Libc.TryFsConfig(context, command, key, value);
        if (errno != 0)
            throw Libc.Failure($"tmpfs {key ?? "create"} {value}", errno);
    }

    private static void MoveInto(SafeFileHandle root, string path, SafeFileHandle mount)
    {
        using var target = Libc.TryOpenAt(root, path, OpenHow.Path, OpenHow.ResolveInRoot | OpenHow.ResolveNoMagicLinks, out var errno)
            ?? throw Libc.Failure($"cannot open {path} in the sandbox", errno);
        Libc.MoveMount(mount, target);
    }

    /// <summary>Attaches a detached mount at a directory of ours.</summary>
    public static void Attach(SafeFileHandle mount, string directory)
    {
        using var target = Libc.OpenDirectory(directory);
        Libc.MoveMount(mount, target);
    }
}
