using System.Text;
using Grid.Buildpacks.Export;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Build;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Export;

/// <summary>The layers of an app image that are not a buildpack's: SBOM, app, launcher, configuration, process types; and the cache's SBOM.</summary>
internal sealed class AppLayers
{
    private const string LauncherPath = "/cnb/lifecycle/launcher";
    private const int Executable = 0x1ED; // 0755
    private const int Readable = 0x1A4; // 0644

    // The reference's name for itself in layer ids.
    private const string Self = "buildpacksio/lifecycle";

    private static readonly Owner Root = new(0, 0);

    private readonly IFileTree _files;
    private readonly ContentStore _store;
    private readonly PackInput _input;
    private readonly PreviousLayers _previous;

    public AppLayers(IFileTree files, ContentStore store, PackInput input, PreviousLayers previous)
    {
        _previous = previous;
        _files = files;
        _store = store;
        _input = input;
        var user = input.Environment.User;
        Owner = new Owner(user.UserId, user.GroupId);
        UsesBuilderLauncher = files.Stat(input.BuilderLauncherPath) is { IsFile: true };
        LifecycleSboms.Copy(files, input, UsesBuilderLauncher);
        if (!input.Environment.PlatformApi.IsBelow("0.8"))
        {
            Sbom = SbomLayer("launch", "Software Bill-of-Materials", LayerCompression.Gzip);
            CacheSbom = SbomLayer("cache", "", input.CacheCompression);
        }
        Slices = MakeSlices();
        Launcher = new PackJob($"{Self}:launcher", "Buildpacks Application Launcher", PackLauncher);
        Config = new PackJob($"{Self}:config", "Buildpacks Launcher Config", PackConfig);
        foreach (var process in input.Build.Processes)
            ProcessTypesCheck(process.Type);
        ProcessTypes = input.Build.Processes.Count == 0 ? null : new PackJob($"{Self}:process-types", "Buildpacks Process Types", PackProcessTypes);
    }

    /// <summary>Who owns what the build made: the builder's user.</summary>
    public Owner Owner { get; }

    /// <summary>Whether the builder brings a launcher; otherwise it is ours.</summary>
    public bool UsesBuilderLauncher { get; }

    public PackJob? Sbom { get; }

    public PackJob? CacheSbom { get; }

    public IReadOnlyList<PackJob> Slices { get; }

    public PackJob Launcher { get; }

    public PackJob Config { get; }

    public PackJob? ProcessTypes { get; }

    /// <summary>Adds the image's layers in the order of the reference: what changes least is not lowest, but this is what other tools expect.</summary>
    public void AddTo(List<PackJob> image)
    {
        if (Sbom is not null)
            image.Add(Sbom);
        image.AddRange(Slices);
        image.Add(Launcher);
        image.Add(Config);
        if (ProcessTypes is not null)
            image.Add(ProcessTypes);
    }

    private PackJob? SbomLayer(string kind, string createdBy, LayerCompression compression)
    {
        var path = $"{_input.Environment.LayersDirectory}/sbom/{kind}";
        return OutputDirectory.Exists(_files, _input.Environment, "sbom/" + kind)
            ? new PackJob($"{Self}:{kind}.sbom", createdBy, token =>
                DirectoryLayer.Create(_store, _files, path, new DirectoryLayerOptions { Owner = Owner, Compression = compression }, token))
            : null;
    }

    private List<PackJob> MakeSlices()
    {
        var app = _input.Environment.AppDirectory;
        if (_input.Build.Slices.Count == 0)
            return [new PackJob("slice-1", "Application Layer", token => PackSlice(app, null, token))];
        var slices = new AppSlices(_input.Build.Slices);
        var parents = ParentsOfSliced(app, slices);
        return
        [
            .. Enumerable.Range(0, slices.Count).Select(index => new PackJob(
                $"slice-{index + 1}",
                $"Application Slice: {index + 1}",
                token => PackSlice(app, (path, _) => path != app && !parents.Contains(path) && slices.IndexOf(Relative(path, app)) == index, token))),
        ];
    }

    // Directories that only stand in a slice for what is below them. They go to each layer that has something below them, and to no other.
    private HashSet<string> ParentsOfSliced(string app, AppSlices slices)
    {
        var parents = new HashSet<string>();
        var open = new Stack<string>([app]);
        while (open.TryPop(out var directory))
        {
            foreach (var entry in _files.List(directory))
            {
                var path = $"{directory}/{entry.Name}";
                if (slices.IndexOf(Relative(path, app)) == slices.Count - 1)
                {
                    if (entry.IsDirectory)
                        open.Push(path);
                    continue;
                }
                for (var parent = directory; parent != app && parents.Add(parent);)
                    parent = parent[..parent.LastIndexOf('/')];
            }
        }
        return parents;
    }

    private static string Relative(string path, string directory) => path.Length > directory.Length ? path[(directory.Length + 1)..] : "";

    private Layer PackSlice(string app, Func<string, FileEntry, bool>? include, CancellationToken cancellationToken) =>
        _previous.Pack(_store, _files, app, new DirectoryLayerOptions { Owner = Owner, Include = include }, cancellationToken);

    private Layer PackLauncher(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var writer = LayerWriter.Create(_store);
        writer.Write(Directory("/cnb", Root));
        writer.Write(Directory("/cnb/lifecycle", Root));
        using var content = UsesBuilderLauncher ? _files.OpenRead(_input.BuilderLauncherPath) : File.OpenRead(_input.LauncherPath);
        writer.Write(new LayerEntry(LauncherPath, LayerEntryType.File) { Mode = Executable, Owner = Root, Size = content.Length }, content);
        return writer.Complete();
    }

    private Layer PackConfig(CancellationToken cancellationToken)
    {
        if (_input.ConfigFromDisk)
            return DirectoryLayer.Create(_store, _files, _input.Environment.LayersDirectory + "/config", new DirectoryLayerOptions { Owner = Owner }, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        var text = Encoding.UTF8.GetBytes(MetadataToml.Write(_input.Build, _input.Environment.PlatformApi));
        using var writer = LayerWriter.Create(_store);
        var config = _input.Environment.LayersDirectory + "/config";
        for (var slash = config.IndexOf('/', 1); slash > 0; slash = config.IndexOf('/', slash + 1))
        {
            var parent = _files.Stat(config[..slash]);
            writer.Write(Directory(config[..slash], parent?.Owner ?? Owner) with { Mode = parent?.Mode ?? Executable });
        }
        writer.Write(Directory(config, Owner));
        using var content = new MemoryStream(text);
        writer.Write(new LayerEntry(config + "/metadata.toml", LayerEntryType.File) { Mode = Readable, Owner = Owner, Size = text.Length }, content);
        return writer.Complete();
    }

    private Layer PackProcessTypes(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var writer = LayerWriter.Create(_store);
        writer.Write(Directory("/cnb", Root));
        writer.Write(Directory("/cnb/process", Root));
        foreach (var process in _input.Build.Processes)
        {
            writer.Write(new LayerEntry(Buildpacks.Export.ProcessTypes.LinkOf(process.Type), LayerEntryType.SymbolicLink)
            {
                Mode = Executable,
                Owner = Root,
                LinkTarget = LauncherPath,
            });
        }
        return writer.Complete();
    }

    private static void ProcessTypesCheck(string type) => Buildpacks.Export.ProcessTypes.Check(type);

    private static LayerEntry Directory(string path, Owner owner) => new(path, LayerEntryType.Directory) { Mode = Executable, Owner = owner };
}
