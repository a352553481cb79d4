using System.Diagnostics;
using Grid.Oci.FileSystem;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Mounts;
using Grid.Sandbox.OciRuntime.Networks;
using Grid.Sandbox.OciRuntime.Snapshots;
using Grid.Sandbox.OciRuntime.Survival;

namespace Grid.Sandbox.OciRuntime;

/// <summary>What a sandbox has on the node besides processes: its directory, its mounts and its control group. Also taken over from dead processes.</summary>
internal sealed class SandboxRoot(string directory, string controlGroup) : IAsyncDisposable
{
    public string Directory { get; } = directory;

    /// <summary>Where the root file system is mounted.</summary>
    public string Merged => Path.Combine(Directory, "merged");

    /// <summary>What has been written.</summary>
    public string Upper => Path.Combine(Directory, "upper");

    /// <summary>The image's layers, top first.</summary>
    public IReadOnlyList<string> Image { get; private set; } = [];

    /// <summary>Real paths at which something of ours is mounted.</summary>
    public HashSet<string> Mounted { get; } = new(StringComparer.Ordinal);

    /// <summary>Directories that exist only to be mounted in.</summary>
    public HashSet<string> MadeDirectories { get; private set; } = [];

    public ControlGroup? Group { get; private set; }

    private string Work => Path.Combine(Directory, "work");

    private string Empty => Path.Combine(Directory, "empty");

    private string Extra => Path.Combine(Directory, "init");

    /// <summary>Mounts everything: image, mount points, files of ours, volumes.</summary>
    /// <param name="spec">What is asked for.</param>
    /// <param name="options">What every sandbox of this node gets.</param>
    /// <param name="egress">What it may reach: which name server that is, depends on it.</param>
    /// <param name="layers">Unpacked layers, bottom first.</param>
    public void Mount(SandboxSpec spec, OciRuntimeOptions options, SandboxEgress egress, IEnumerable<string> layers)
    {
        Image = [.. layers.Reverse()];
        // What a mount that is gone left in it would keep this one from being made (overlayfs, "volatile").
        if (System.IO.Directory.Exists(Work))
            Trash.Delete(Work);
        foreach (var part in new[] { Merged, Upper, Empty, Extra, Work })
        {
            System.IO.Directory.CreateDirectory(part);
            Libc.ChangeMode(part, 0x1ED);
        }
        var binds = HostFiles(options, egress, spec.Egress is not null).Concat(spec.Volumes.Select(v => (v.HostPath, v.Path, v.ReadOnly))).ToList();
        var real = MakeMountPoints(binds);
        using (var overlay = Overlay.Writable([Extra, .. Image], Upper, Work, Empty))
            Binds.Attach(overlay, Merged);
        using var root = Libc.OpenDirectory(Merged);
        // Outer ones first, so that a volume inside a volume is not covered by it.
        foreach (var ((hostPath, _, readOnly), path) in binds.Zip(real).OrderBy(bind => bind.Second.Length))
        {
            MakeInVolume(path, System.IO.Directory.Exists(hostPath));
            Binds.Attach(root, hostPath, path, readOnly);
        }
        Group = ControlGroup.Create(controlGroup, spec.Limits);
    }

    /// <summary>Goes on with what an earlier process of the node mounted: it is brought here, or mounted again when nobody has it any more.</summary>
    /// <exception cref="IOException">It is gone.</exception>
    public void Adopt(SandboxSpec spec, OciRuntimeOptions options, SandboxEgress egress, IEnumerable<string> layers, Survivor survivor)
    {
        if (!MountsElsewhere.IsMountedHere(Merged) && !TryBring(survivor))
        {
            Mount(spec, options, egress, layers);
            MadeDirectories.UnionWith(survivor.Record.MadeDirectories);
            return;
        }
        Image = survivor.Record.Image;
        Mounted.UnionWith(survivor.Record.Mounted);
        MadeDirectories.UnionWith(survivor.Record.MadeDirectories);
        Group = ControlGroup.Create(controlGroup, spec.Limits);
    }

    /// <summary>Whether the mounts were where something runs, and are here now.</summary>
    private bool TryBring(Survivor survivor)
    {
        if (survivor.Holder is not { } holder)
            return false;
        try
        {
            MountsElsewhere.Bring(holder, Merged);
            return true;
        }
        catch (IOException) when (survivor.Holder is null)
        {
            // It ended at this moment, and its mounts with it.
            return false;
        }
    }

    /// <summary>A read-only view of the image without anything of ours, for as long as the handle is open.</summary>
    public RootedDirectory OpenImage(out Microsoft.Win32.SafeHandles.SafeFileHandle view)
    {
        view = Overlay.View(Image, Empty);
        return new RootedDirectory($"/proc/self/fd/{Libc.Raw(view)}");
    }

    /// <summary>Unmounts all; what was written is in <see cref="Upper"/>.</summary>
    public void Unmount() => MountTable.UnmountBelow(Directory);

    /// <summary>Ends what still runs and removes everything.</summary>
    public async ValueTask DisposeAsync()
    {
        Group?.Dispose();
        var patience = Stopwatch.StartNew();
        // Killed processes are gone when the kernel has reaped them, which nobody tells us about when they are not our children.
        while (ControlGroup.Kill(controlGroup, "") | !ControlGroup.Remove(controlGroup))
        {
            if (patience.Elapsed > TimeSpan.FromSeconds(10))
                throw new SandboxException($"processes in the control group {controlGroup} do not end; look at its cgroup.procs");
            await Task.Delay(TimeSpan.FromMilliseconds(2));
        }
        await Task.Run(() =>
        {
            Unmount();
            if (MountTable.Below(Directory) is [var left, ..])
                throw new SandboxException($"{left} is still mounted; {Directory} is not deleted so that nothing is deleted through it");
            Trash.Delete(Directory);
        });
    }

    private List<string> MakeMountPoints(IEnumerable<(string HostPath, string Path, bool ReadOnly)> binds)
    {
        var image = OpenImage(out var view);
        using (view)
        {
            var points = new MountPoints(image, Extra);
            foreach (var path in BundleFactory.MountPoints)
            {
                if (points.Add(path, isDirectory: true) != path)
                    throw new SandboxException($"the image has a link at {path}, where the kernel's own files belong");
                Mounted.Add(path);
            }
            var real = binds.Select(bind => points.Add(bind.Path, System.IO.Directory.Exists(bind.HostPath))).ToList();
            Mounted.UnionWith(real);
            MadeDirectories = points.MadeDirectories;
            // What a process can see must not depend on when it ran.
            var extra = new RootedDirectory(Extra);
            foreach (var (path, _) in extra.Walk().Where(entry => entry.Path != "/").ToList())
                extra.SetModifiedTime(path, LayerTimes.Normalized);
            return real;
        }
    }

    /// <summary>A mount point that an outer volume has covered is made in that volume.</summary>
    private void MakeInVolume(string path, bool isDirectory)
    {
        var tree = new RootedDirectory(Merged);
        if (tree.Stat(path) is not null)
            return;
        if (isDirectory)
            tree.CreateDirectory(path, 0x1ED);
        else
            tree.WriteFile(path, [], 0x1A4);
    }

    private List<(string HostPath, string Path, bool ReadOnly)> HostFiles(OciRuntimeOptions options, SandboxEgress egress, bool isListed)
    {
        var files = Path.Combine(Directory, "etc");
        System.IO.Directory.CreateDirectory(files);
        var resolver = File.Exists(options.ResolverConfiguration) ? File.ReadAllText(options.ResolverConfiguration) : "";
        // Names are listed in full: what a search path makes of them would only be refused.
        if (egress == SandboxEgress.Open && isListed)
            resolver = $"nameserver {NameAnswerer.Address}\n";
        else if (egress == SandboxEgress.Open)
            resolver = string.Join('\n', resolver.Split('\n').Where(line => !line.StartsWith("nameserver", StringComparison.Ordinal)).Prepend($"nameserver {SandboxNetwork.NameServer}"));
        List<(string, string, bool)> binds =
        [
            (WriteHostFile("resolv.conf", resolver), "/etc/resolv.conf", true),
            (WriteHostFile("hosts", $"127.0.0.1\tlocalhost {options.HostName}\n::1\tlocalhost ip6-localhost ip6-loopback\n"), "/etc/hosts", true),
            (WriteHostFile("hostname", options.HostName + "\n"), "/etc/hostname", true),
        ];
        if (options.CaBundle is { } bundle)
            binds.Add((bundle, BundleFactory.CaPath, true));
        return binds;

        string WriteHostFile(string name, string text)
        {
            var path = Path.Combine(files, name);
            File.WriteAllText(path, text);
            Libc.ChangeMode(path, 0x1A4);
            File.SetLastWriteTimeUtc(path, LayerTimes.Normalized.UtcDateTime);
            return path;
        }
    }
}
