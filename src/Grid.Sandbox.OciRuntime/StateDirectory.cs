using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime;

/// <summary>
/// Where things are below <see cref="OciRuntimeOptions.StateDirectory"/>, and who owns them. Each process holds a locked file for as long as it
/// lives; the kernel drops the lock when it dies, so what a dead process left behind can be told from what a living one works with.
/// </summary>
internal sealed class StateDirectory : IDisposable
{
    private readonly FileStream _lock;

    public StateDirectory(string root)
    {
        Root = root;
        foreach (var directory in new[] { root, Sandboxes, Layers, Uses, Owners, Unpacking })
            Directory.CreateDirectory(directory);
        // Roots in here hold set-uid programs of images: nobody else on this machine may reach them.
        Libc.ChangeMode(root, 0x1C0);
        // Others look for dead owners at any time: one is there when it is locked, not before.
        var unseen = Path.Combine(root, Owner + ".new");
        _lock = new FileStream(unseen, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        File.Move(unseen, Path.Combine(Owners, Owner), overwrite: true);
    }

    public string Root { get; }

    /// <summary>This process's name in here.</summary>
    public string Owner { get; } = Guid.NewGuid().ToString("n");

    public string Sandboxes => Path.Combine(Root, "sandboxes");

    public string Layers => Path.Combine(Root, "layers");

    /// <summary>A file for each unpacked layer: when it was last used, and its size.</summary>
    public string Uses => Path.Combine(Root, "uses");

    /// <summary>Layers being unpacked and other temporary directories, one for each owner.</summary>
    public string Unpacking => Path.Combine(Root, "unpacking");

    public string Temporary => Path.Combine(Unpacking, Owner);

    /// <summary>State of the OCI runtimes, one directory for each.</summary>
    public string Runtimes => Path.Combine(Root, "runtime");

    private string Owners => Path.Combine(Root, "owners");

    /// <summary>
    /// Forgets unpacked layers of an earlier boot: they were written without syncing, so a power failure may have torn them. Blobs in
    /// the content store are checked by digest and stay.
    /// </summary>
    public async Task ForgetOldBootAsync(CancellationToken cancellationToken)
    {
        var boot = await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id", cancellationToken);
        await using var marker = await OpenLockedAsync(Path.Combine(Root, "boot"), cancellationToken);
        using var reader = new StreamReader(marker);
        var known = await reader.ReadToEndAsync(cancellationToken);
        if (known == boot)
            return;
        if (known.Length > 0)
        {
            foreach (var layer in Directory.GetDirectories(Layers))
                Snapshots.Trash.Delete(layer);
            foreach (var use in Directory.GetFiles(Uses))
                File.Delete(use);
        }
        marker.SetLength(0);
        await marker.WriteAsync(System.Text.Encoding.ASCII.GetBytes(boot), cancellationToken);
    }

    /// <summary>Throws unless it is a name that can be a directory's.</summary>
    public static void CheckHandle(string handle)
    {
        var legal = handle.Length is > 0 and <= 100 && !handle.StartsWith('.') && handle.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        if (!legal)
            throw new ArgumentException($"'{handle}' is no sandbox handle: 1 to 100 letters, digits, '-', '_' and '.', not beginning with '.'");
    }

    /// <summary>Claims the directory of a handle; one that a dead process left behind is given to <paramref name="recover"/> first.</summary>
    public async Task ClaimAsync(string handle, Func<string, Task> recover, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(Sandboxes, handle);
        while (!TryClaim(handle))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (OwnerOf(directory) is { } owner && IsAlive(owner))
                throw new InvalidOperationException($"the sandbox {handle} is in use");
            await recover(directory);
        }
    }

    /// <summary>
    /// Claims the directory of a handle for this process, atomically. False when it is taken; then <see cref="OwnerOf"/> says by whom.
    /// </summary>
    private bool TryClaim(string handle)
    {
        var fresh = Path.Combine(Temporary, Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(fresh);
        File.WriteAllText(Path.Combine(fresh, "owner"), Owner);
        var errno = Libc.TryRenameNew(fresh, Path.Combine(Sandboxes, handle));
        if (errno == 0)
            return true;
        Directory.Delete(fresh, recursive: true);
        return errno is Errno.Exists or Errno.NotEmpty ? false : throw new SandboxException($"cannot make the sandbox {handle}: {Libc.Failure("rename", errno).Message}");
    }

    /// <summary>Makes a sandbox that a dead process left this process's own.</summary>
    public void TakeOver(string sandbox)
    {
        var fresh = Path.Combine(sandbox, "owner.new");
        File.WriteAllText(fresh, Owner);
        File.Move(fresh, Path.Combine(sandbox, "owner"), overwrite: true);
    }

    /// <summary>Who made a sandbox directory, or null when that cannot be read.</summary>
    public static string? OwnerOf(string sandbox)
    {
        try
        {
            return File.ReadAllText(Path.Combine(sandbox, "owner"));
        }
        catch (IOException)
        {
            // Removed meanwhile, or its removal was interrupted: nobody's.
            return null;
        }
    }

    /// <summary>Names of processes that died without cleaning up.</summary>
    public IEnumerable<string> DeadOwners() =>
        Directory.GetFiles(Owners).Select(Path.GetFileName).Concat(Directory.GetDirectories(Unpacking).Select(Path.GetFileName))
            .OfType<string>().Distinct(StringComparer.Ordinal).Where(owner => !IsAlive(owner));

    /// <summary>Whether another process works with this directory.</summary>
    public bool IsShared() => Directory.GetFiles(Owners).Select(Path.GetFileName).Any(owner => owner != Owner && IsAlive(owner!));

    public bool IsAlive(string owner)
    {
        try
        {
            // Shared: of two who ask at the same time, none must take the other for the owner.
            using var file = new FileStream(Path.Combine(Owners, owner), FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    public void Forget(string owner) => File.Delete(Path.Combine(Owners, owner));

    public void Dispose()
    {
        if (Directory.Exists(Temporary))
            Snapshots.Trash.Delete(Temporary);
        Forget(Owner);
        _lock.Dispose();
    }

    private static async Task<FileStream> OpenLockedAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
            }
        }
    }
}
