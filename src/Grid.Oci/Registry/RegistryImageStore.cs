using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>
/// Images in registries that speak the OCI distribution API. One instance serves a process: it shares connections, tokens and uploads.
/// </summary>
public sealed class RegistryImageStore : IImageStore, IDisposable
{
    private static readonly string[] ManifestTypes = [MediaTypes.OciManifest, MediaTypes.OciIndex, MediaTypes.DockerManifest, MediaTypes.DockerIndex];

    private readonly RegistryTransport _transport;
    private readonly ConcurrentDictionary<(string Repository, Digest Digest), Task> _uploads = new();

    /// <summary>Makes the store.</summary>
    /// <param name="options">How registries are talked to.</param>
    /// <param name="credentials">Who we are there.</param>
    /// <param name="handler">Sends requests in place of real connections; it must not follow redirects by itself. Not disposed.</param>
    /// <param name="time">For waits and the life of tokens.</param>
    public RegistryImageStore(RegistryOptions options, ICredentialStore credentials, HttpMessageHandler? handler = null, TimeProvider? time = null) =>
        _transport = new RegistryTransport(options, credentials, handler, time ?? TimeProvider.System);

    private RegistryImageStore(RegistryTransport transport) => _transport = transport;

    /// <summary>The same registries as somebody else: connections are shared, tokens and uploads are not. This store has to outlive it.</summary>
    public RegistryImageStore With(ICredentialStore credentials) => new(_transport.With(credentials));

    /// <inheritdoc/>
    public bool Handles(ImageLocation location) => location is ImageLocation.Registry;

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    /// <inheritdoc/>
    public async Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken)
    {
        var reference = ReferenceOf(location);
        var what = $"read {reference}";
        var call = Manifest(HttpMethod.Get, reference, reference.Identifier);
        using var response = await _transport.SendAsync(call, what, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
            return null;
        if (response.StatusCode != HttpStatusCode.OK)
            throw await RegistryErrors.FromAsync(response, reference.Registry, what, cancellationToken);
        var document = await ReadManifestAsync(response, reference, cancellationToken);
        var type = ImageDocuments.MediaTypeOf(document, response.Content.Headers.ContentType?.MediaType, reference.ToString());
        var root = new Descriptor(type, CheckedDigest(document, response, reference), document.Length);
        return await ImageResolver.ResolveAsync(
            reference.ToString(), root, document, platform, new RegistryBlobs(_transport, reference), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken)
    {
        var reference = ReferenceOf(location);
        var what = $"write to {reference.Name}";
        var scope = RegistryCall.Push(reference.Repository);
        var start = new RegistryCall(HttpMethod.Post, reference.Registry, $"/v2/{reference.Repository}/blobs/uploads/")
        {
            Scope = scope,
            Body = _ => new ByteArrayContent([]),
        };
        using var response = await _transport.SendAsync(start, what, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Accepted)
            throw await RegistryErrors.FromAsync(response, reference.Registry, what, cancellationToken);
        if (RegistryTransport.LocationOf(response) is not { } upload)
            return;
        // Cancelling is a courtesy: registries that cannot do it let the upload expire.
        var cancel = new RegistryCall(HttpMethod.Delete, reference.Registry, "") { Location = upload, Scope = scope };
        using var cancelled = await _transport.SendAsync(cancel, what, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ImageLocation> PushAsync(
        ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        var reference = ReferenceOf(target);
        var digest = image.Digest;
        if (!reference.Digest.IsEmpty && reference.Digest != digest)
            throw new ArgumentException(
                $"cannot push to {reference}: the image's digest is {digest}; push to a tag, or leave the digest out", nameof(target));
        var options = new ParallelOptions { MaxDegreeOfParallelism = _transport.Options.ParallelUploads, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Blobs(image), options, async (layer, token) => await UploadAsync(reference, layer, progress, token));
        await PutManifestAsync(image, reference, digest, cancellationToken);
        return new ImageLocation.Registry(reference with { Digest = digest });
    }

    private async Task PutManifestAsync(ImageContent image, ImageReference reference, Digest digest, CancellationToken cancellationToken)
    {
        var what = $"write the manifest of {reference}";
        var name = reference.Tag ?? (reference.Digest.IsEmpty ? "latest" : digest.ToString());
        var call = Manifest(HttpMethod.Put, reference, name) with
        {
            Scope = RegistryCall.Push(reference.Repository),
            Accept = [],
            Body = _ =>
                new ReadOnlyMemoryContent(image.Manifest) { Headers = { ContentType = new MediaTypeHeaderValue(image.ManifestMediaType) } },
        };
        using var response = await _transport.SendAsync(call, what, cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw await RegistryErrors.FromAsync(response, reference.Registry, what, cancellationToken);
        if (ContentDigest(response) is { } given && given != digest.ToString())
            throw new BlobMismatchException(
                $"registry {reference.Registry} stored {reference} as {given} instead of {digest}; something between us and it changes content");
    }

    // Bottom layers first: they are the large ones. The same layer twice is one blob.
    private static IEnumerable<LayerSource> Blobs(ImageContent image)
    {
        var memory = new MemoryBlobs();
        var config = memory.Add(image.Config, image.ConfigMediaType);
        return image.Layers
            .Append(new LayerSource(new Layer(config, config.Digest), memory, null))
            .DistinctBy(layer => layer.Layer.Blob.Digest);
    }

    // Two pushes that want the same blob in the same repository share one upload. It runs under the token of who came first; when that one
    // gives up, the others start over.
    private async Task UploadAsync(
        ImageReference target, LayerSource layer, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        var key = (target.Name, layer.Layer.Blob.Digest);
        while (true)
        {
            var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var running = _uploads.GetOrAdd(key, source.Task);
            if (running != source.Task)
            {
                await running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
                if (running.IsCanceled)
                    continue;
                await running;
                progress?.Report(new PushProgress(layer.Layer.Blob, PushStep.Exists, 0));
                return;
            }
            await OwnUploadAsync(key, source, new BlobUpload(_transport, target, layer, progress), cancellationToken);
            return;
        }
    }

    private async Task OwnUploadAsync(
        (string, Digest) key, TaskCompletionSource source, BlobUpload upload, CancellationToken cancellationToken)
    {
        try
        {
            await upload.RunAsync(cancellationToken);
            _uploads.TryRemove(key, out _);
            source.SetResult();
        }
        catch (Exception e)
        {
            _uploads.TryRemove(key, out _);
            if (e is OperationCanceledException)
                source.SetCanceled(CancellationToken.None);
            else
                source.SetException(e);
            // Whether anybody else waits or not: the failure is observed, and thrown here.
            _ = source.Task.Exception;
            throw;
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadManifestAsync(
        HttpResponseMessage response, ImageReference reference, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_transport.Options.IdleTimeout);
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(patience.Token);
            using var content = new MemoryStream();
            var buffer = new byte[1 << 16];
            for (int read; (read = await stream.ReadAsync(buffer, patience.Token)) > 0;)
            {
                content.Write(buffer, 0, read);
                if (content.Length > ImageDocuments.MaxManifestBytes)
                    throw new ImageFormatException($"{reference}: the manifest has more than {ImageDocuments.MaxManifestBytes} bytes");
            }
            return content.ToArray();
        }
        catch (Exception e) when (RetrySchedule.IsTransient(e, cancellationToken))
        {
            throw RegistryErrors.Unreachable(reference.Registry, $"read {reference}", e);
        }
    }

    private static Digest CheckedDigest(ReadOnlyMemory<byte> document, HttpResponseMessage response, ImageReference reference)
    {
        var digest = Digest.Compute(document.Span);
        if (!reference.Digest.IsEmpty && reference.Digest != digest)
            throw new BlobMismatchException($"registry {reference.Registry} gave a manifest with the digest {digest} for {reference}");
        if (ContentDigest(response) is { } given && given != digest.ToString())
            throw new BlobMismatchException(
                $"registry {reference.Registry} says the manifest of {reference} is {given}, but its digest is {digest}");
        return digest;
    }

    // Other algorithms than sha256 say nothing we could check.
    private static string? ContentDigest(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Docker-Content-Digest", out var values) && values.FirstOrDefault() is { } text
            && text.StartsWith("sha256:", StringComparison.Ordinal)
            ? text
            : null;

    private static RegistryCall Manifest(HttpMethod method, ImageReference reference, string name) =>
        new(method, reference.Registry, $"/v2/{reference.Repository}/manifests/{name}") { Scope = RegistryCall.Pull(reference.Repository), Accept = ManifestTypes };

    private static ImageReference ReferenceOf(ImageLocation location) =>
        location is ImageLocation.Registry { Reference: var reference }
            ? reference
            : throw new ArgumentException($"'{location}' is not in a registry", nameof(location));
}
