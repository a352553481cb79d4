using System.Net;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Tests.Analyze;

/// <summary>Registries in memory: images by name, and names that may not be read or written.</summary>
internal sealed class FakeImages : IImageStore
{
    private readonly Dictionary<string, Image> _images = [];

    public HashSet<string> Unreadable { get; } = [];

    public HashSet<string> Unwritable { get; } = [];

    public List<string> Pushed { get; } = [];

    public void Add(string name, IReadOnlyDictionary<string, string>? labels = null, IReadOnlyList<string>? env = null, string os = "linux", string arch = "amd64")
    {
        var seed = Digest.Compute(System.Text.Encoding.UTF8.GetBytes(name));
        var config = new ImageConfig
        {
            Os = os,
            Architecture = arch,
            RootFs = new RootFs { DiffIds = [seed] },
            Config = new ContainerConfig { Labels = labels, Env = env },
        };
        var layer = new Layer(new Descriptor(MediaTypes.OciLayerGzip, seed, 10), seed);
        _images[ImageLocation.Parse(name).ToString()] = new Image(new Descriptor(MediaTypes.OciManifest, seed, 100), config, [layer], new MemoryBlobs());
    }

    public void AddBuilder(string name, string label, params string[] env) =>
        Add(name, new Dictionary<string, string> { ["io.buildpacks.builder.metadata"] = label }, env);

    public bool Handles(ImageLocation location) => location is ImageLocation.Registry;

    public Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken) =>
        Unreadable.Contains(location.ToString())
            ? throw new ImageAccessException($"denied: {location}", HttpStatusCode.Unauthorized)
            : Task.FromResult(_images.GetValueOrDefault(location.ToString()));

    public Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken) =>
        Unwritable.Contains(location.ToString()) ? throw new ImageAccessException($"denied: {location}", HttpStatusCode.Forbidden) : Task.CompletedTask;

    public Task<ImageLocation> PushAsync(ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        if (Unwritable.Contains(target.ToString()))
            throw new ImageAccessException($"denied: {target}", HttpStatusCode.Forbidden);
        Pushed.Add(target.ToString());
        var registry = (ImageLocation.Registry)target;
        return Task.FromResult<ImageLocation>(registry with { Reference = registry.Reference with { Digest = image.Digest } });
    }
}
