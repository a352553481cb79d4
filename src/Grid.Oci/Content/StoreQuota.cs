namespace Grid.Oci.Content;

/// <summary>Counts the bytes of a store, those being written included, and refuses to go beyond a bound. One process at a time counts right.</summary>
internal sealed class StoreQuota(string root, long maxBytes, Func<IEnumerable<StoredBlob>> list)
{
    private readonly Lock _lock = new();
    private long? _bytes;

    public void Reserve(long bytes)
    {
        lock (_lock)
        {
            _bytes ??= list().Sum(blob => blob.Size);
            if (_bytes + bytes > maxBytes)
                throw new IOException($"the content store {root} is at its bound of {maxBytes} bytes: run 'grid cache prune', or raise the bound");
            _bytes += bytes;
        }
    }

    public void Release(long bytes)
    {
        lock (_lock)
        {
            // Not counted yet: the first reservation counts what is there then.
            if (_bytes is not null)
                _bytes = Math.Max(0, _bytes.Value - bytes);
        }
    }
}
