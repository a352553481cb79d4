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
            using var target = Libc.TryOpenAt(root, path, OpenHow.Path, OpenHow.ResolveInRoot | OpenHow.ResolveNoMagicLinks, out var errno)
                ?? throw Libc.Failure($"cannot open {path} in the sandbox", errno);
            Libc.MoveMount(mount, target);
        }
        catch (IOException failure)
        {
            throw new SandboxException($"cannot mount {hostPath} at {path} in the sandbox: {failure.Message}", failure);
        }
    }

    /// <summary>Attaches a detached mount at a directory of ours.</summary>
    public static void Attach(SafeFileHandle mount, string directory)
    {
        using var target = Libc.OpenDirectory(directory);
        Libc.MoveMount(mount, target);
    }
}
