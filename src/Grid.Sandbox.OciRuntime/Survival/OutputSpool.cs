using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>
/// What a process printed, on the node's disk before anybody is given it, so that whoever takes it over can give all of it again. Beyond a bound the oldest
/// part is given up: it has long been passed on, and reads as zeros.
/// </summary>
internal sealed class OutputSpool : IDisposable
{
    private readonly SafeFileHandle[] _files;
    private readonly long[] _lengths;
    private readonly long[] _forgotten = new long[2];
    private readonly long _keptBytes;

    /// <param name="directory">The process's directory.</param>
    /// <param name="keptBytes">Bytes of each stream that are kept at least; up to twice as many are.</param>
    public OutputSpool(string directory, long keptBytes = 64L << 20)
    {
        _keptBytes = keptBytes;
        _files = [.. new[] { "out", "err" }.Select(name => File.OpenHandle(Path.Combine(directory, name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))];
        _lengths = [.. _files.Select(RandomAccess.GetLength)];
    }

    /// <summary>Takes from a pipe what there is, at most a buffer full; 0 at its end.</summary>
    /// <param name="stream">0 for standard output, 1 for standard error.</param>
    /// <param name="pipe">The pipe; there is something to read, or its end.</param>
    /// <param name="buffer">Gets what was taken.</param>
    public int Take(int stream, SafeFileHandle pipe, Span<byte> buffer)
    {
        var moved = Libc.MoveToFile(pipe, _files[stream], _lengths[stream], buffer.Length);
        for (var read = 0; read < moved;)
        {
            var piece = RandomAccess.Read(_files[stream], buffer[read..moved], _lengths[stream] + read);
            read += piece > 0 ? piece : throw new IOException("output that was kept cannot be read again");
        }
        _lengths[stream] += moved;
        if (_lengths[stream] - _forgotten[stream] > 2 * _keptBytes)
            Forget(stream);
        return moved;
    }

    /// <summary>Gives everything that was printed so far, from its beginning.</summary>
    public void Replay(IProcessOutput output)
    {
        var buffer = new byte[64 * 1024];
        for (var stream = 0; stream < _files.Length; stream++)
        {
            // A supervisor that ended may have added to it.
            _lengths[stream] = RandomAccess.GetLength(_files[stream]);
            for (long at = 0; at < _lengths[stream];)
            {
                var read = RandomAccess.Read(_files[stream], buffer, at);
                if (read <= 0)
                    break;
                output.Write(buffer.AsSpan(0, read), isError: stream == 1);
                at += read;
            }
        }
    }

    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
    }

    private void Forget(int stream)
    {
        // A file system that cannot do it keeps everything; the node's bound for free space holds all the same.
        _ = Libc.TryForget(_files[stream], 0, _lengths[stream] - _keptBytes);
        _forgotten[stream] = _lengths[stream] - _keptBytes;
    }
}
