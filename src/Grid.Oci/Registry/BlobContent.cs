using System.Net;
using System.Runtime.ExceptionServices;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>The bytes of a blob, from an offset on, as the body of an upload.</summary>
/// <param name="blob">The blob.</param>
/// <param name="source">Where it is read.</param>
/// <param name="offset">The first byte to send.</param>
/// <param name="moved">Told how far the blob was sent.</param>
/// <param name="unreadable">Told why the bytes could not be read on our side: the network's troubles are worth another attempt, these are not.</param>
internal sealed class BlobContent(
    Descriptor blob, IBlobSource source, long offset, Action<long> moved, Action<ExceptionDispatchInfo> unreadable) : HttpContent
{
    private const int BufferSize = 1 << 17;

    protected override bool TryComputeLength(out long length)
    {
        length = blob.Size - offset;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Stream? content = null;
        try
        {
            content = await ReadingAsync(
                async () => (Stream)new VerifyingStream(await source.OpenAsync(blob, cancellationToken), blob, "its source"));
            var buffer = new byte[BufferSize];
            for (long at = 0; ;)
            {
                var read = await ReadingAsync(async () => await content.ReadAsync(buffer, cancellationToken));
                if (read == 0)
                    return;
                // What a broken upload left at the registry is read again, to keep the digest checked, but not sent again.
                var skip = (int)Math.Clamp(offset - at, 0, read);
                at += read;
                if (skip == read)
                    continue;
                await stream.WriteAsync(buffer.AsMemory(skip, read - skip), cancellationToken);
                RegistryMetrics.Sent(read - skip);
                moved(at);
            }
        }
        finally
        {
            if (content is not null)
                await content.DisposeAsync();
        }
    }

    private async Task<T> ReadingAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            unreadable(ExceptionDispatchInfo.Capture(e));
            throw;
        }
    }
}
