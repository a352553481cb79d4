using System.Runtime.InteropServices;
using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Snapshots;
using Platform = Grid.Oci.Images.Platform;

namespace Grid.Docker.Sandboxes;

/// <summary>A stack of layers in the engine.</summary>
/// <param name="Image">The engine's ID of the image that has them.</param>
/// <param name="Layers">Their unpacked directories, top first.</param>
/// <param name="Chain">Their chain.</param>
internal sealed record EngineSnapshot(string Image, IReadOnlyList<string> Layers, Digest Chain);

/// <summary>
/// Snapshots as images of the engine, tagged with their chain. The engine keeps each layer once, by the same chain, so of an image whose
/// lower layers are there only the upper ones are sent. They carry a label by which <c>docker image prune</c> can find them.
/// </summary>
internal sealed class EngineSnapshots(Engine engine, ContentStore content) : IDisposable
{
    /// <summary>Marks images and containers that Grid made.</summary>
    public const string Label = "dev.grid.sandbox";

    private const string Repository = "grid-snapshot";

    /// <summary>Overlay2's own bound, one of them for the container's mount points.</summary>
    private const int MaxLayers = 125;

    private readonly SemaphoreSlim _loading = new(1);

    /// <summary>Makes a stack of layers present. What is missing is fetched and loaded, one stack after the other: stacks share layers.</summary>
    public async Task<EngineSnapshot> EnsureAsync(IReadOnlyList<Layer> layers, IBlobSource blobs, CancellationToken cancellationToken)
    {
        if (layers.Count > MaxLayers)
            throw new SandboxException($"an image with {layers.Count} layers cannot be run by a Docker engine, which takes at most {MaxLayers}; squash some of them, or use the OCI runtime");
        var chains = new List<Digest>();
        foreach (var layer in layers)
            chains.Add(ChainId.Append(chains.LastOrDefault(), layer.DiffId));
        if (await FindAsync(chains, cancellationToken) is { } known)
            return known;
        await _loading.WaitAsync(cancellationToken);
        try
        {
            return await FindAsync(chains, cancellationToken) ?? await LoadAsync(layers, chains, blobs, cancellationToken);
        }
        finally
        {
            _loading.Release();
        }
    }

    public void Dispose() => _loading.Dispose();

    private async Task<EngineSnapshot> LoadAsync(IReadOnlyList<Layer> layers, List<Digest> chains, IBlobSource blobs, CancellationToken cancellationToken)
    {
        var present = await CountPresentAsync(chains, cancellationToken);
        await Task.WhenAll(layers.Skip(present).Select(layer => content.EnsureAsync(layer.Blob, blobs, cancellationToken)));
        var image = ImageBuilder.FromScratch(new Platform("linux", RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "amd64"));
        image.SetLabel(Label, "snapshot");
        foreach (var layer in layers)
            image.AddLayer(layer, content);
        var complaint = await engine.TalkAsync("load layers", () => ImageLoad.RunAsync(engine.Client, image.Build(), TagOf(chains), present, null, cancellationToken), cancellationToken);
        if (complaint is not null)
            throw new SandboxException($"the Docker engine at {engine.Endpoint} does not take the layers: {complaint}");
        return await FindAsync(chains, cancellationToken) ?? throw new SandboxException($"the Docker engine at {engine.Endpoint} took the layers and does not know them");
    }

    private async Task<int> CountPresentAsync(List<Digest> chains, CancellationToken cancellationToken)
    {
        for (var count = chains.Count - 1; count > 0; count--)
        {
            if (await InspectAsync(chains[..count], cancellationToken) is not null)
                return count;
        }
        return 0;
    }

    private async Task<EngineSnapshot?> FindAsync(List<Digest> chains, CancellationToken cancellationToken)
    {
        if (await InspectAsync(chains, cancellationToken) is not { } image)
            return null;
        var data = image.GraphDriver?.Data ?? new Dictionary<string, string>();
        var top = data.TryGetValue("UpperDir", out var upper) ? [upper] : Array.Empty<string>();
        var rest = data.TryGetValue("LowerDir", out var lower) && lower.Length > 0 ? lower.Split(':') : [];
        return new EngineSnapshot(image.ID, [.. top, .. rest], chains.LastOrDefault());
    }

    private async Task<ImageInspectResponse?> InspectAsync(List<Digest> chains, CancellationToken cancellationToken)
    {
        try
        {
            return await engine.Client.Images.InspectImageAsync(TagOf(chains), cancellationToken);
        }
        catch (DockerImageNotFoundException)
        {
            return null;
        }
    }

    private static string TagOf(List<Digest> chains) => $"{Repository}:{(chains is [.., var chain] ? chain.Hex : "scratch")}";
}
