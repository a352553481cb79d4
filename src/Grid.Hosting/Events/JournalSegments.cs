using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Grid.Hosting.Storage;

namespace Grid.Hosting.Events;

/// <summary>
/// A build's journal in Azure: append blobs <c>key/000000</c>, <c>key/000001</c> … A blob takes a limited number of appends; when it is full the
/// journal goes on in the next one, and nobody appends to a full one again.
/// </summary>
/// <param name="container">Where journals are.</param>
/// <param name="buildKey">Whose journal.</param>
/// <param name="maxBlocks">Appends a segment takes; the service allows 50,000.</param>
internal sealed class JournalSegments(AzureContainer container, string buildKey, int maxBlocks)
{
    private readonly string _prefix = Storage.AzureBlobs.BlobNames.Part(buildKey) + "/";

    /// <summary>The blob of a segment.</summary>
    public async ValueTask<AppendBlobClient> OpenAsync(int segment, CancellationToken cancellationToken) =>
        (await container.OpenAsync(cancellationToken)).GetAppendBlobClient($"{_prefix}{segment:d6}");

    /// <inheritdoc cref="AzureContainer.Forget"/>
    public void ForgetContainer() => container.Forget();

    /// <summary>How far a segment goes; null when there is none.</summary>
    public async Task<SegmentEnd?> FindAsync(int segment, CancellationToken cancellationToken)
    {
        try
        {
            var properties = (await (await OpenAsync(segment, cancellationToken)).GetPropertiesAsync(cancellationToken: cancellationToken)).Value;
            return new SegmentEnd(properties.ContentLength, properties.BlobCommittedBlockCount >= maxBlocks);
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Where the journal ends, looking from a segment on; one that is missing is made.</summary>
    public async Task<JournalPosition> FindEndAsync(int segment, CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (await FindAsync(segment, cancellationToken))
            {
                case null:
                    await (await OpenAsync(segment, cancellationToken)).CreateIfNotExistsAsync(cancellationToken: cancellationToken);
                    return new JournalPosition(segment, 0);
                case { IsFull: false } end:
                    return new JournalPosition(segment, end.Length);
                default:
                    segment++;
                    break;
            }
        }
    }

    /// <summary>
    /// Appends at a position, which must be the end; otherwise the service answers <see cref="BlobErrorCode.AppendPositionConditionNotMet"/>. The new end, or
    /// null when the segment is full now.
    /// </summary>
    public async Task<JournalPosition?> AppendAsync(JournalPosition at, byte[] bytes, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(bytes, writable: false);
        var options = new AppendBlobAppendBlockOptions { Conditions = new AppendBlobRequestConditions { IfAppendPositionEqual = at.Offset } };
        var appended = (await (await OpenAsync(at.Segment, cancellationToken)).AppendBlockAsync(content, options, cancellationToken)).Value;
        return appended.BlobCommittedBlockCount >= maxBlocks ? null : at with { Offset = at.Offset + bytes.Length };
    }

    /// <summary>Whether these bytes stand at a position.</summary>
    public async Task<bool> HoldsAsync(JournalPosition at, byte[] bytes, CancellationToken cancellationToken) =>
        await FindAsync(at.Segment, cancellationToken) is { } end && end.Length >= at.Offset + bytes.Length
            && (await DownloadAsync(at.Segment, at.Offset, bytes.Length, cancellationToken)).Span.SequenceEqual(bytes);

    /// <summary>Whether a line ends before a position.</summary>
    public async Task<bool> EndsLineAsync(JournalPosition at, CancellationToken cancellationToken) =>
        at.Offset > 0 && await FindAsync(at.Segment, cancellationToken) is { } end && end.Length >= at.Offset && (await DownloadAsync(at.Segment, at.Offset - 1, 1, cancellationToken)).Span[0] == '\n';

    /// <summary>Bytes of a segment from an offset, at most a few MiB.</summary>
    public Task<ReadOnlyMemory<byte>> ReadAsync(int segment, long offset, long length, CancellationToken cancellationToken) =>
        DownloadAsync(segment, offset, Math.Min(length, 4 * 1024 * 1024), cancellationToken);

    /// <summary>Removes the journal, its first segment last: as long as one is there, the rest is found.</summary>
    public async Task RemoveAsync(CancellationToken cancellationToken)
    {
        var last = -1;
        while (await FindAsync(last + 1, cancellationToken) is not null)
            last++;
        for (; last >= 0; last--)
            await (await OpenAsync(last, cancellationToken)).DeleteIfExistsAsync(cancellationToken: cancellationToken);
    }

    private async Task<ReadOnlyMemory<byte>> DownloadAsync(int segment, long offset, long length, CancellationToken cancellationToken)
    {
        var options = new BlobDownloadOptions { Range = new HttpRange(offset, length) };
        return (await (await OpenAsync(segment, cancellationToken)).DownloadContentAsync(options, cancellationToken)).Value.Content.ToMemory();
    }
}

/// <summary>Where a segment ends, and whether the journal goes on in the next one.</summary>
internal readonly record struct SegmentEnd(long Length, bool IsFull);

/// <summary>A place in a journal of segments, as one number: the segment above the offset.</summary>
internal readonly record struct JournalPosition(int Segment, long Offset)
{
    private const int OffsetBits = 40;

    public static JournalPosition Parse(long position) => new((int)(position >> OffsetBits), position & ((1L << OffsetBits) - 1));

    public long ToNumber() => ((long)Segment << OffsetBits) | Offset;
}
