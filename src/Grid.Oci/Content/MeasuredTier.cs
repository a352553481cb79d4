using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Oci.Content;

/// <summary>A shared tier that is measured: how long it takes, and what goes through.</summary>
public sealed class MeasuredTier(IContentTier tier) : IContentTier
{
    private static readonly Histogram<double> Duration = OciTelemetry.RequestDuration("grid.tier.operation.duration", "Time of an operation of the shared content tier; a get ends when its bytes begin");
    private static readonly Counter<long> Io = OciTelemetry.Meter.CreateCounter<long>("grid.tier.io", "By", "Bytes from and to the shared content tier");

    /// <inheritdoc/>
    public TimeSpan UseResolution => tier.UseResolution;

    /// <inheritdoc/>
    public Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken) => MeasureAsync("find", tier.FindAsync(digest, cancellationToken));

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken) => new CountedStream(await MeasureAsync("get", tier.OpenAsync(digest, cancellationToken)));

    /// <inheritdoc/>
    public async Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        var length = content.Length - content.Position;
        await MeasureAsync("put", PutAsync());
        Io.Add(length, IoDirection.Transmit);

        async Task<bool> PutAsync()
        {
            await tier.PutAsync(digest, content, cancellationToken);
            return true;
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBlob> ListAsync(byte first, CancellationToken cancellationToken) => tier.ListAsync(first, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken) =>
        MeasureAsync("remove", tier.RemoveUnusedAsync(digest, notUsedSince, cancellationToken));

    private static async Task<T> MeasureAsync<T>(string operation, Task<T> work)
    {
        var started = TimeProvider.System.GetTimestamp();
        var tags = new TagList { { "grid.tier.operation", operation } };
        try
        {
            return await work;
        }
        catch (Exception e)
        {
            tags.Add("error.type", e switch { OperationCanceledException => "cancelled", BlobNotFoundException => "not_found", _ => "failed" });
            throw;
        }
        finally
        {
            Duration.Record(TimeProvider.System.GetElapsedTime(started).TotalSeconds, tags);
        }
    }

    /// <summary>Counts what is read.</summary>
    private sealed class CountedStream(Stream inner) : ForwardStream
    {
        public override int Read(Span<byte> buffer) => Count(inner.Read(buffer));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => Count(await inner.ReadAsync(buffer, cancellationToken));

        public override async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }

        private static int Count(int bytes)
        {
            Io.Add(bytes, IoDirection.Receive);
            return bytes;
        }
    }
}
