using Grid.Buildpacks;
using Grid.Docker;
using Grid.Lifecycle;
using Grid.Lifecycle.Export;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Registry;

namespace Grid.Cli.Lifecycle;

/// <summary>Where a phase's images are: in registries, with <c>-layout</c> in the layout directory, with <c>-daemon</c> in a Docker engine.</summary>
internal sealed class PhaseImages : IDisposable
{
    private readonly bool _daemon;
    private readonly string? _layoutDirectory;
    private readonly RegistryImageStore _registries;
    private readonly DockerImageStore _engine = new();

    private PhaseImages(bool daemon, string? layoutDirectory, IReadOnlyList<string> insecure)
    {
        (_daemon, _layoutDirectory) = (daemon, layoutDirectory);
        _registries = new RegistryImageStore(new RegistryOptions { Insecure = insecure }, DockerConfigCredentials.FromEnvironment());
        Stores = new ImageStores([_registries, new LayoutImageStore(), _engine]);
    }

    public ImageStores Stores { get; }

    /// <summary>The images a phase was called for.</summary>
    /// <exception cref="LifecycleException">Exit code 3: they are in layouts, and nobody says where.</exception>
    public static PhaseImages Of(PhaseInputs inputs)
    {
        var layouts = inputs.Get(PhaseFlags.Layout) ? inputs.Get(PhaseFlags.LayoutDirectory) : null;
        return layouts is "" ? throw new LifecycleException(ExitCode.InvalidArgs, "-layout needs -layout-dir: the directory that has the layouts")
            : new PhaseImages(inputs.Get(PhaseFlags.Daemon), layouts, inputs.Get(PhaseFlags.InsecureRegistries));
    }

    /// <summary>Where an image of this name is.</summary>
    /// <param name="name">In the grammar of registries, also for engines and layouts (platform.md §Map an image reference to a path in the layout directory).</param>
    /// <exception cref="LifecycleException">Exit code 3: it is no name.</exception>
    public ImageLocation Locate(string name)
    {
        try
        {
            var reference = ImageReference.Parse(name);
            if (_daemon)
                return new ImageLocation.Docker(name);
            if (_layoutDirectory is null)
                return new ImageLocation.Registry(reference);
            var last = reference.Digest.IsEmpty ? reference.Identifier : "sha256/" + reference.Digest.Hex;
            return new ImageLocation.Layout(
                Path.GetFullPath(Path.Combine(_layoutDirectory, reference.Registry, reference.Repository, last)), reference.Digest.IsEmpty ? reference.Identifier : null);
        }
        catch (FormatException e)
        {
            throw new LifecycleException(ExitCode.InvalidArgs, $"could not parse reference: {e.Message}", e);
        }
    }

    /// <summary>Where an image is that stands in a registry whatever the flags say: a cache.</summary>
    /// <exception cref="LifecycleException">Exit code 3: it is no name.</exception>
    public ImageLocation LocateInRegistry(string name)
    {
        try
        {
            return new ImageLocation.Registry(ImageReference.Parse(name));
        }
        catch (FormatException e)
        {
            throw new LifecycleException(ExitCode.InvalidArgs, $"could not parse reference: {e.Message}", e);
        }
    }

    /// <summary>Where the image is that analyzed.toml names: by digest, by an engine's ID, or by directory and digest of a layout.</summary>
    public ImageLocation LocateIdentifier(string identifier)
    {
        var at = identifier.LastIndexOf("@sha256:", StringComparison.Ordinal);
        return _layoutDirectory is not null && at > 0
            ? new ImageLocation.Layout(identifier[..at], Tag: null, Digest.Parse(identifier[(at + 1)..]))
            : _daemon ? new ImageLocation.Docker(identifier) : Locate(identifier);
    }

    /// <summary>The names an image is to be written under. They must be on one registry (platform.md §exporter).</summary>
    /// <exception cref="LifecycleException">Exit code 3: none, one that is no name, or several registries.</exception>
    public IReadOnlyList<ExportTarget> Targets(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
            throw new LifecycleException(ExitCode.InvalidArgs, "failed to parse arguments: at least one image argument is required");
        var targets = names.Select(name => new ExportTarget(name, Locate(name))).ToList();
        if (!_daemon && names.Select(name => ImageReference.Parse(name).Registry).Distinct().Count() > 1)
            throw new LifecycleException(ExitCode.InvalidArgs, "writing to multiple registries is unsupported");
        // As the reference, which names layouts by their directories.
        return [.. targets.Select(target => target.Location is ImageLocation.Layout layout ? target with { Name = layout.Directory } : target)];
    }

    public void Dispose()
    {
        _registries.Dispose();
        _engine.Dispose();
    }
}
