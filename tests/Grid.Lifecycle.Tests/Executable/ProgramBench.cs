using System.Text.Json;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Registry;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>A registry with run images, and a builder container in which <c>grid lifecycle</c> is called.</summary>
internal sealed class ProgramBench : IAsyncDisposable
{
    private readonly RegistryProcess _registry;
    private readonly RegistryImageStore _store;

    private ProgramBench(RegistryProcess registry, RegistryImageStore store, RecordedImages images, ReplayMachine machine) =>
        (_registry, _store, Images, Machine) = (registry, store, images, machine);

    public RecordedImages Images { get; }

    public ReplayMachine Machine { get; }

    public string Host => _registry.Host;

    public static async Task<ProgramBench> StartAsync(string platformApi = "0.13", params IReadOnlyList<string> environment)
    {
        ChrootSandbox.SkipUnlessPossible();
        var registry = await RegistryProcess.StartAsync();
        var store = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials());
        var images = new RecordedImages(registry.Host, new ImageStores([store]));
        await images.PushAsync();
        var machine = new ReplayMachine(images) { PlatformApi = platformApi, Environment = environment };
        machine.Write("/cnb/stack.toml", images.Read("input/run.toml").Replace("[[images]]", "[run-image]", StringComparison.Ordinal));
        return new ProgramBench(registry, store, images, machine);
    }

    /// <summary>Calls all phases up to the builder, and gives the restorer's output.</summary>
    /// <param name="image">The app image's name.</param>
    /// <param name="analyzer">More flags for the analyzer.</param>
    /// <param name="restorer">More flags for the restorer.</param>
    public async Task<string> BuildAsync(string image, IEnumerable<string>? analyzer = null, IEnumerable<string>? restorer = null)
    {
        Machine.Reset();
        await Machine.CallAsync("analyzer", [.. analyzer ?? [], "-run-image", $"{Host}/ref/run:1", image]);
        await Machine.CallAsync("detector");
        var restored = await Machine.CallAsync("restorer", ["-uid", "1001", "-gid", "1001", .. restorer ?? []]);
        await Machine.CallAsync("builder");
        Machine.Write("/layers/project-metadata.toml", Images.Read("input/project-metadata.toml"));
        return restored;
    }

    /// <summary>Calls the exporter.</summary>
    public Task<string> ExportAsync(params IEnumerable<string> arguments) => Machine.CallAsync("exporter", ["-uid", "1001", "-gid", "1001", .. arguments]);

    /// <summary>An image's configuration, and what its labels say.</summary>
    public async Task<(ImageConfig Config, LifecycleMetadata Lifecycle, JsonElement Build)> ReadAsync(string name)
    {
        var config = (await Images.ReadAsync(name)).Config;
        return (config, LifecycleMetadata.Read(config.Config.Labels![LifecycleMetadata.Label], out _)!, JsonDocument.Parse(config.Config.Labels[BuildLabel.Label]).RootElement);
    }

    public async ValueTask DisposeAsync()
    {
        await Machine.DisposeAsync();
        _store.Dispose();
        await _registry.DisposeAsync();
    }
}
