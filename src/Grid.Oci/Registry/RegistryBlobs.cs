using System.Net;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>The blobs (and manifests, by digest) of one repository.</summary>
internal sealed class RegistryBlobs(RegistryTransport transport, ImageReference repository) : IBlobSource
{
    // A download that breaks this often in a row is not worth going on with; progress resets the count.
    private const int MaxResumes = 5;

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        var first = await OpenAtAsync(blob, 0, cancellationToken);
        var stream = new ResumingStream(
            (offset, token) => OpenAtAsync(blob, offset, token), first, blob.Size, transport.Options.IdleTimeout, MaxResumes);
        return new VerifyingStream(stream, blob, repository.Name);
    }

    private async Task<Stream> OpenAtAsync(Descriptor blob, long offset, CancellationToken cancellationToken)
    {
        var manifest = MediaTypes.IsIndex(blob.MediaType) || MediaTypes.IsManifest(blob.MediaType);
        var what = $"read {blob.Digest} of {repository.Name}";
        var call = new RegistryCall(
            HttpMethod.Get, repository.Registry, $"/v2/{repository.Repository}/{(manifest ? "manifests" : "blobs")}/{blob.Digest}")
        {
            Scope = RegistryCall.Pull(repository.Repository),
            Accept = manifest ? [blob.MediaType] : [],
            Offset = offset,
        };
        var response = await transport.SendAsync(call, what, cancellationToken);
        try
        {
            return await ContentAsync(response, blob, offset, what, cancellationToken);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private async Task<Stream> ContentAsync(
        HttpResponseMessage response, Descriptor blob, long offset, string what, CancellationToken cancellationToken)
    {
        if (response.StatusCode == HttpStatusCode.NotFound)
            throw new BlobNotFoundException(
                $"registry {repository.Registry} has no blob {blob.Digest} in {repository.Repository}; push the image again");
        if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
            throw await RegistryErrors.FromAsync(response, repository.Registry, what, cancellationToken);
        var start = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange?.From ?? offset : 0;
        if (start > offset || (start == 0 && response.Content.Headers.ContentLength is { } length && length != blob.Size))
            throw new BlobMismatchException(
                $"blob {blob.Digest} of {repository.Name}: the registry offers other bytes than the {blob.Size} of its descriptor");
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await SkipAsync(stream, offset - start, cancellationToken);
        return stream;
    }

    // A registry that knows no ranges gives everything.
    private static async Task SkipAsync(Stream stream, long count, CancellationToken cancellationToken)
    {
        var buffer = new byte[81920];
        while (count > 0)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, count)), cancellationToken);
            if (read == 0)
                throw new IOException("the registry ended the blob early");
            count -= read;
        }
    }
}
