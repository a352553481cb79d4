using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Mounts;

/// <summary>Makes overlay mounts that are attached nowhere yet.</summary>
internal static class Overlay
{
    /// <summary>The kernel's own bound.</summary>
    private const int MaxLowers = 500;

    private const ulong MountAttributeNoDev = 0x4, Private = 1 << 18;
    private const int SetFlag = 0, SetString = 1, Create = 6;

    // metacopy=on would turn redirects on silently; both would hide content from whoever reads the upper directory back.
    private static readonly (string Name, string Value)[] Options = [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")];

    private static readonly AsyncLocal<bool> OldCall = new();

    /// <summary>Makes mounts as kernels before 6.8 need it; chosen by what the kernel answers, set by tests, each for what it calls itself.</summary>
    internal static bool UseOldCall
    {
        get => OldCall.Value;
        set => OldCall.Value = value;
    }

    /// <summary>A writable overlay. Device nodes in it cannot be opened: processes have their own /dev.</summary>
    /// <param name="lowers">Top first, at least one.</param>
    /// <param name="upper">Takes what is written.</param>
    /// <param name="work">Empty, on the same file system as <paramref name="upper"/>.</param>
    /// <param name="empty">An empty directory that nobody else uses meanwhile.</param>
    public static SafeFileHandle Writable(IReadOnlyList<string> lowers, string upper, string work, string empty) => Open(lowers, upper, work, empty);

    /// <summary>A read-only view of layers, top first; it is attached nowhere and goes when it is closed.</summary>
    public static SafeFileHandle View(IReadOnlyList<string> lowers, string empty) => lowers.Count switch
    {
        0 => Libc.OpenDirectory(empty),
        1 => Libc.OpenDirectory(lowers[0]),
        _ => Open(lowers, null, null, empty),
    };

    private static SafeFileHandle Open(IReadOnlyList<string> lowers, string? upper, string? work, string empty)
    {
        if (lowers.Count > MaxLowers)
            throw new SandboxException($"an image with {lowers.Count} layers cannot be mounted: overlayfs takes at most {MaxLowers}; squash some of them");
        try
        {
            var mount = UseOldCall ? null : OpenByContext(lowers, upper, work);
            mount ??= OpenByMount(lowers, upper, work, empty);
            Libc.SetMountAttributes(mount, MountAttributeNoDev, Private);
            return mount;
        }
        catch (IOException failure)
        {
            throw new SandboxException($"cannot make the overlay mount: {failure.Message} (Grid needs overlayfs of Linux 5.12 or newer)", failure);
        }
    }

    /// <summary>Linux 6.8 and newer take one layer after the other; null when this kernel does not.</summary>
    private static SafeFileHandle? OpenByContext(IReadOnlyList<string> lowers, string? upper, string? work)
    {
        using var context = Libc.FsOpen("overlay");
        if (Libc.TryFsConfig(context, SetString, "lowerdir+", lowers[0]) != 0)
            return null;
        foreach (var lower in lowers.Skip(1))
            Set(context, SetString, "lowerdir+", lower);
        if (upper is not null)
        {
            Set(context, SetString, "upperdir", upper);
            Set(context, SetString, "workdir", work);
            // No sync at unmount: a sandbox that a crash interrupts is thrown away anyway.
            Set(context, SetFlag, "volatile", null);
        }
        foreach (var (name, value) in Options)
            Set(context, SetString, name, value);
        if (UserNamespace.IsInside)
            Set(context, SetFlag, "userxattr", null);
        Set(context, Create, null, null);
        return Libc.FsMount(context, 0);
    }

    /// <summary>mount(2) takes less than 4096 bytes of options, so layers go by the short names of their descriptors (about 200 of them).</summary>
    private static SafeFileHandle OpenByMount(IReadOnlyList<string> lowers, string? upper, string? work, string empty)
    {
        var handles = lowers.Select(Libc.OpenDirectory).ToList();
        try
        {
            var options = string.Join(',', Options.Select(option => $"{option.Name}={option.Value}"));
            options += $",lowerdir={string.Join(':', handles.Select(handle => $"/proc/self/fd/{Libc.Raw(handle)}"))}";
            if (UserNamespace.IsInside)
                options += ",userxattr";
            if (upper is not null)
                options += $",upperdir={upper},workdir={work},volatile";
            if (options.Length > 4095)
                throw new IOException($"{lowers.Count} layers are too many for this kernel; Linux 6.8 takes up to {MaxLowers}");
            Libc.Mount("overlay", empty, "overlay", 0, options);
            try
            {
                return Libc.CloneMount(empty, recursive: false);
            }
            finally
            {
                Libc.TryUnmount(empty, lazy: true);
            }
        }
        finally
        {
            handles.ForEach(handle => handle.Dispose());
        }
    }

    private static void Set(SafeFileHandle context, int command, string? key, string? value)
    {
        var errno = Libc.TryFsConfig(context, command, key, value);
        if (errno != 0)
            throw Libc.Failure($"{key ?? "create"} {value}{KernelMessage(context)}", errno);
    }

    /// <summary>The kernel says why on the context's own descriptor.</summary>
    private static string KernelMessage(SafeFileHandle context)
    {
        Span<byte> text = stackalloc byte[1024];
        var read = Libc.TryRead(context, text);
        return read > 0 ? $" ({System.Text.Encoding.UTF8.GetString(text[..read]).Trim()})" : "";
    }
}
