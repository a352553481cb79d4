using System.Collections.Concurrent;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Tests.FileSystem;

namespace Grid.Oci.Tests.Content;

public sealed class ContentStoreTests : IDisposable
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))];
    private static readonly Descriptor Blob = new("x/y", Digest.Compute(Bytes), Bytes.Length);

    private readonly ScratchDirectory _scratch = new();
    private readonly ContentStore _store;

    public ContentStoreTests() => _store = new ContentStore(_scratch.Path);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Put_ThenOpen_GivesTheBytes()
    {
        (await _store.PutAsync(Bytes, "x/y", Token)).ShouldBe(Blob);
        (await _store.PutAsync(Bytes, "x/y", Token)).ShouldBe(Blob);
        _store.Contains(Blob.Digest).ShouldBeTrue();
        await using var stream = await _store.OpenAsync(Blob, Token);
        var read = new MemoryStream();
        await stream.CopyToAsync(read, Token);
        read.ToArray().ShouldBe(Bytes);
        Path.GetRelativePath(_scratch.Path, _store.PathOf(Blob.Digest)).ShouldBe("blobs/sha256/" + Blob.Digest.Hex);
    }

    [Fact]
    public async Task Open_MissingOrDamaged_SaysWhich()
    {
        (await Should.ThrowAsync<BlobNotFoundException>(() => _store.OpenAsync(Blob, Token))).Message.ShouldContain(Blob.Digest.ToString());
        await File.WriteAllBytesAsync(_store.PathOf(Blob.Digest), Bytes[..10], Token);
        (await Should.ThrowAsync<BlobNotFoundException>(() => _store.OpenAsync(Blob, Token))).Message.ShouldContain("10 bytes");
        await _store.PutAsync(Bytes, "x/y", Token);
        (await _store.OpenAsync(Blob, Token)).Dispose();
    }

    [Fact]
    public void Writer_DisposedOrMismatched_LeavesNothing()
    {
        using (var writer = _store.CreateWriter())
            writer.Write(Bytes);
        using (var writer = _store.CreateWriter())
        {
            writer.Write(Bytes);
            Should.Throw<InvalidDataException>(() => writer.Commit("x/y", Digest.Compute([]))).Message.ShouldContain("damaged or replaced");
            Should.Throw<InvalidDataException>(() => writer.Commit("x/y", Blob.Digest, 5)).Message.ShouldContain("instead of the 5");
        }
        Directory.EnumerateFiles(_scratch.Path, "*", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public async Task Ensure_ManyCallers_ShareOneTransfer()
    {
        var source = new GatedSource(Bytes);
        var callers = Enumerable.Range(0, 20).Select(_ => _store.EnsureAsync(Blob, source, Token)).ToList();
        source.Open();
        await Task.WhenAll(callers);
        source.Opened.ShouldBe(1);
        await _store.EnsureAsync(Blob, source, Token);
        source.Opened.ShouldBe(1);
    }

    [Fact]
    public async Task Ensure_OneOfTwoCancels_TheOtherGetsTheBlob()
    {
        var source = new GatedSource(Bytes);
        using var cancel = new CancellationTokenSource();
        var first = _store.EnsureAsync(Blob, source, cancel.Token);
        var second = _store.EnsureAsync(Blob, source, Token);
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => first);
        source.Open();
        await second;
        _store.Contains(Blob.Digest).ShouldBeTrue();
    }

    [Fact]
    public async Task Ensure_AllCancel_TheTransferStops()
    {
        var source = new GatedSource(Bytes);
        using var cancel = new CancellationTokenSource();
        var only = _store.EnsureAsync(Blob, source, cancel.Token);
        await source.WasAsked;
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => only);
        await source.WasCancelled;
        _store.Contains(Blob.Digest).ShouldBeFalse();
    }

    [Fact]
    public async Task Ensure_AnothersSourceFails_OursIsAsked()
    {
        var bad = new GatedSource([1, 2, 3]);
        var first = _store.EnsureAsync(Blob, bad, Token);
        await bad.WasAsked;
        var good = new GatedSource(Bytes);
        good.Open();
        var second = _store.EnsureAsync(Blob, good, Token);
        bad.Open();
        await Should.ThrowAsync<InvalidDataException>(() => first);
        await second;
        _store.Contains(Blob.Digest).ShouldBeTrue();
        Directory.EnumerateFiles(Path.Combine(_scratch.Path, "ingest")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Ensure_SourceNeverEnds_StopsAtThePromisedSize()
    {
        var source = new GatedSource([.. Bytes, .. Bytes, .. Bytes]);
        source.Open();
        (await Should.ThrowAsync<InvalidDataException>(() => _store.EnsureAsync(Blob, source, Token))).Message.ShouldContain("longer than");
    }

    [Fact]
    public void Recover_RemovesUnfinishedBlobs()
    {
        File.WriteAllText(Path.Combine(_scratch.Path, "ingest", "left"), "x");
        _store.Recover();
        Directory.EnumerateFiles(Path.Combine(_scratch.Path, "ingest")).ShouldBeEmpty();
    }

    [Fact]
    public void Write_FullDisk_NamesTheDirectory()
    {
        ScratchDirectory.NeedsRoot();
        _scratch.Run("mkdir small && mount -t tmpfs -o size=64k tmpfs small");
        try
        {
            var small = new ContentStore(Path.Combine(_scratch.Path, "small"));
            using var writer = small.CreateWriter();
            Should.Throw<IOException>(() => writer.Write(Bytes)).Message.ShouldContain(small.Root + " is full");
        }
        finally
        {
            _scratch.Run("umount small");
        }
    }

    [Fact]
    public void Delete_IsIdempotent()
    {
        _store.Put(Bytes, "x/y");
        _store.Delete(Blob.Digest);
        _store.Delete(Blob.Digest);
        _store.Contains(Blob.Digest).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => _store.PathOf(default));
    }

    /// <summary>Hands out bytes once a gate is open, and counts who asks.</summary>
    private sealed class GatedSource(byte[] content) : IBlobSource
    {
        private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ConcurrentQueue<Descriptor> _opened = new();

        public int Opened => _opened.Count;

        public Task WasAsked => _asked.Task;

        public Task WasCancelled => _cancelled.Task;

        public void Open() => _gate.TrySetResult();

        public async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
        {
            _opened.Enqueue(blob);
            _asked.TrySetResult();
            try
            {
                await _gate.Task.WaitAsync(cancellationToken);
                return new MemoryStream(content);
            }
            catch (OperationCanceledException)
            {
                _cancelled.TrySetResult();
                throw;
            }
        }
    }
}
