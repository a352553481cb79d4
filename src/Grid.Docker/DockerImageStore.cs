using System.Collections.Concurrent;
using System.Net.Sockets;
using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Oci;
using Grid.Oci.Images;
using Platform = Grid.Oci.Images.Platform;

namespace Grid.Docker;

/// <summary>
/// Images of a Docker engine. Reading one copies all of it out of the engine (it gives nothing less), once per image and store; the copies go
/// when the store is disposed.
/// </summary>
public sealed class DockerImageStore : IImageStore, IDisposable
{
    private readonly Uri _endpoint;
    private readonly DockerClient _client;
    private readonly Lazy<string> _spool;
    private readonly ConcurrentDictionary<string, Image> _images = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _spooling = new(1);

    /// <summary>Makes the store; the engine is first talked to when it is needed.</summary>
    public DockerImageStore(DockerEngineOptions? options = null)
    {
        options ??= new DockerEngineOptions();
        _endpoint = options.ResolveEndpoint();
        _client = new DockerClientBuilder().WithEndpoint(_endpoint).Build();
        _spool = new Lazy<string>(() => options.SpoolDirectory is { } directory
            ? Directory.CreateDirectory(Path.Combine(directory, "docker-" + Guid.NewGuid().ToString("N"))).FullName
            : Directory.CreateTempSubdirectory("grid-docker-").FullName);
    }

    /// <inheritdoc/>
    public bool Handles(ImageLocation location) => location is ImageLocation.Docker;

    /// <inheritdoc/>
    public void Dispose()
    {
        _client.Dispose();
        _spooling.Dispose();
        if (_spool.IsValueCreated)
            Directory.Delete(_spool.Value, recursive: true);
    }

    /// <inheritdoc/>
    public async Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken)
    {
        var name = NameOf(location);
        try
        {
            var inspected = await TalkAsync(
                $"read {location}", () => _client.Images.InspectImageAsync(name, cancellationToken), cancellationToken);
            return await SpooledAsync(inspected.ID, location.ToString(), cancellationToken);
        }
        catch (DockerImageNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken)
    {
        TagOf(location);
        await TalkAsync($"write {location}", async () =>
        {
            await _client.System.PingAsync(cancellationToken);
            return true;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ImageLocation> PushAsync(
        ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        var tag = TagOf(target);
        var what = $"write {target}";
        await TalkAsync(what, async () =>
        {
            if (await ImageLoad.RunAsync(_client, image, tag, 0, progress, cancellationToken) is { } error)
                throw new ImageAccessException($"cannot write {target}: the Docker engine at {_endpoint} says: {error}");
            return true;
        }, cancellationToken);
        var loaded = await TalkAsync(what, () => _client.Images.InspectImageAsync(tag, cancellationToken), cancellationToken);
        return new ImageLocation.Docker(loaded.ID);
    }

    // One after another: an engine saves two images no faster than one after the other, and nobody waits for the same one twice.
    private async Task<Image> SpooledAsync(string id, string name, CancellationToken cancellationToken)
    {
        if (_images.TryGetValue(id, out var known))
            return known;
        await _spooling.WaitAsync(cancellationToken);
        try
        {
            if (!_images.TryGetValue(id, out var image))
                _images[id] = image = await TalkAsync($"read {name}", () => SpoolAsync(id, name, cancellationToken), cancellationToken);
            return image;
        }
        finally
        {
            _spooling.Release();
        }
    }

    private async Task<Image> SpoolAsync(string id, string name, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(_spool.Value, Guid.NewGuid().ToString("N"));
        try
        {
            await using var saved = await _client.Images.SaveImageAsync(id, cancellationToken);
            // The client's stream takes a read of no bytes, as the tar reader does at the end of a file, for the end of the connection.
            await using var archive = new BufferedStream(saved, 1 << 16);
            return await new DockerArchiveReader(directory).ReadAsync(archive, name, cancellationToken);
        }
        catch when (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
            throw;
        }
    }

    private async Task<T> TalkAsync<T>(string what, Func<Task<T>> talk, CancellationToken cancellationToken)
    {
        try
        {
            return await talk();
        }
        catch (DockerApiException e) when (e is not DockerImageNotFoundException)
        {
            throw new ImageAccessException(
                $"cannot {what}: the Docker engine at {_endpoint} answered {(int)e.StatusCode}: {e.Message}", e.StatusCode, e);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested
            && e is HttpRequestException or SocketException or TimeoutException or OperationCanceledException)
        {
            throw new ImageAccessException(
                $"cannot {what}: no Docker engine answers at {_endpoint} ({e.GetBaseException().Message}); start it, set DOCKER_HOST, or use a registry or an oci: directory", null, e);
        }
    }

    private static string NameOf(ImageLocation location) =>
        location is ImageLocation.Docker { Name: var name }
            ? name
            : throw new ArgumentException($"'{location}' is not of a Docker engine", nameof(location));

    private static string TagOf(ImageLocation location)
    {
        var reference = ImageReference.Parse(NameOf(location));
        return reference.Digest.IsEmpty && !reference.Repository.EndsWith("/sha256", StringComparison.Ordinal)
            ? $"{reference.Name}:{reference.Tag ?? "latest"}"
            : throw new FormatException($"'{location}' is pinned, and cannot be written; give it a tag");
    }
}
