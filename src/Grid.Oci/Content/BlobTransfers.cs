using Grid.Oci.Images;

namespace Grid.Oci.Content;

/// <summary>The transfers into one store that are under way: at most one for each digest.</summary>
internal sealed class BlobTransfers(ContentStore store)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Digest, Transfer> _running = [];

    internal async Task EnsureAsync(Descriptor blob, IBlobSource source, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (transfer, isOurs) = Join(blob, source);
            try
            {
                await transfer.Completion.WaitAsync(cancellationToken);
                return;
            }
            catch (Exception) when (!isOurs && !cancellationToken.IsCancellationRequested)
            {
                // Somebody else's source failed, or they all went away just as we joined. Ours may have other rights: ask it.
            }
            finally
            {
                Leave(transfer);
            }
        }
    }

    private (Transfer Transfer, bool IsOurs) Join(Descriptor blob, IBlobSource source)
    {
        lock (_lock)
        {
            if (_running.TryGetValue(blob.Digest, out var running))
            {
                running.Waiting++;
                return (running, false);
            }
            var transfer = new Transfer(blob.Digest);
            _running.Add(blob.Digest, transfer);
            transfer.Completion = Task.Run(() => RunAsync(transfer, blob, source), CancellationToken.None);
            return (transfer, true);
        }
    }

    private void Leave(Transfer transfer)
    {
        lock (_lock)
        {
            if (--transfer.Waiting > 0)
                return;
            if (_running.GetValueOrDefault(transfer.Digest) == transfer)
                _running.Remove(transfer.Digest);
        }
        transfer.Dispose();
    }

    private async Task RunAsync(Transfer transfer, Descriptor blob, IBlobSource source)
    {
        try
        {
            if (!store.IsComplete(blob))
                await CopyAsync(blob, source, transfer.Stopping);
        }
        finally
        {
            lock (_lock)
            {
                if (_running.GetValueOrDefault(transfer.Digest) == transfer)
                    _running.Remove(transfer.Digest);
            }
        }
    }

    private async Task CopyAsync(Descriptor blob, IBlobSource source, CancellationToken cancellationToken)
    {
        await using var content = await source.OpenAsync(blob, cancellationToken);
        await using var writer = store.CreateWriter();
        var buffer = new byte[128 * 1024];
        int length;
        while ((length = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (writer.Length + length > blob.Size)
                throw new InvalidDataException($"the blob {blob.Digest} is longer than the {blob.Size} bytes its descriptor promises");
            writer.Write(buffer, 0, length);
        }
        writer.Commit(blob.MediaType, blob.Digest, blob.Size);
    }

    /// <summary>One transfer and how many wait for it. Disposing it stops it, which one that is finished does not mind.</summary>
    private sealed class Transfer : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        internal Transfer(Digest digest)
        {
            Digest = digest;
            Stopping = _stop.Token;
        }

        internal Digest Digest { get; }

        internal CancellationToken Stopping { get; }

        internal Task Completion { get; set; } = Task.CompletedTask;

        /// <summary>Guarded by the owner's lock.</summary>
        internal int Waiting { get; set; } = 1;

        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }
    }
}
