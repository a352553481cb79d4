using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.OciRuntime;

/// <summary>Most that a layer may hold; 0 means no bound.</summary>
internal readonly record struct LayerBounds(long MaxBytes, int MaxEntries);

/// <summary>An empty directory that becomes a layer (<see cref="SandboxSpec.FilesOnly"/>): the same on every engine, for none has a part in it.</summary>
internal sealed class FilesOnlySandbox : ISandbox
{
    /// <summary>What every engine mounts: no layer has it.</summary>
    private static readonly string[] NeverPacked = [.. BundleFactory.MountPoints, "/etc/resolv.conf", "/etc/hosts", "/etc/hostname", BundleFactory.CaPath];

    private readonly SandboxSpec _spec;
    private readonly LayerBounds _bounds;
    private readonly ContentStore _store;
    private readonly Func<ValueTask> _remove;
    private readonly RootedDirectory _files;
    private readonly RootedDirectory _image;
    private bool _closed, _disposed;

    /// <param name="spec">What is asked for.</param>
    /// <param name="directory">Takes the files; of this sandbox alone.</param>
    /// <param name="bounds">Bounds for the layer.</param>
    /// <param name="store">Takes the layer.</param>
    /// <param name="remove">Removes the directory.</param>
    public FilesOnlySandbox(SandboxSpec spec, string directory, LayerBounds bounds, ContentStore store, Func<ValueTask> remove)
    {
        (_spec, _bounds, _store, _remove) = (spec, bounds, store, remove);
        _files = Make(Path.Combine(directory, "files"));
        _image = Make(Path.Combine(directory, "image"));
    }

    /// <summary>Throws for a specification that is for files alone and has more.</summary>
    public static void Check(SandboxSpec spec)
    {
        if (spec.FilesOnly && spec.Parent.Count + spec.Volumes.Count > 0)
            throw new ArgumentException($"the sandbox {spec.Handle} is for files alone; it takes neither layers nor volumes", nameof(spec));
    }

    /// <inheritdoc/>
    public IFileTree Files => _files;

    /// <inheritdoc/>
    public Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"the sandbox {_spec.Handle} is for files alone; nothing can run in it");

    /// <inheritdoc/>
    public Task<Layer?> CommitAsync(CancellationToken cancellationToken)
    {
        if (_closed)
            throw new InvalidOperationException($"the sandbox {_spec.Handle} has been committed or disposed");
        _closed = true;
        return Task.Run(() => Pack(cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The handle may be another sandbox's by the time somebody disposes this one again.
        if (_disposed)
            return;
        (_closed, _disposed) = (true, true);
        await _remove();
    }

    private Layer? Pack(CancellationToken cancellationToken)
    {
        HashSet<string> excluded = [.. NeverPacked, .. _spec.ExcludedPaths.Select(path => "/" + path.Trim('/'))];
        var tree = new UpperTree(_files, _image, excluded, new HashSet<string>());
        var changes = tree.Read();
        tree.CheckSize(_bounds.MaxBytes, _bounds.MaxEntries);
        if (changes.Count == 0)
            return null;
        using var writer = LayerWriter.Create(_store);
        return new UpperPacker(_files, writer, cancellationToken).Pack(changes);
    }

    private static RootedDirectory Make(string directory)
    {
        Directory.CreateDirectory(directory);
        Libc.ChangeMode(directory, 0x1ED);
        return new RootedDirectory(directory);
    }
}
