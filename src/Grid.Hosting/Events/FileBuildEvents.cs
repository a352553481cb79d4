using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Grid.Contracts.Events;

namespace Grid.Hosting.Events;

/// <summary>Build events as files of JSON lines, one file for each build. Nothing is kept in memory, however much a step prints.</summary>
public sealed class FileBuildEvents(string directory) : IBuildEvents, IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private readonly ConcurrentDictionary<string, Journal> _open = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Append(string buildKey, BuildEvent buildEvent)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(buildEvent, Json);
        _open.GetOrAdd(buildKey, key => new Journal(FileOf(key))).Append(line);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<BuildEvent> WatchAsync(string buildKey, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var journal = _open.GetOrAdd(buildKey, key => new Journal(FileOf(key)));
        await foreach (var line in journal.ReadAsync(cancellationToken))
        {
            var buildEvent = JsonSerializer.Deserialize<BuildEvent>(line, Json)
                ?? throw new InvalidDataException($"{FileOf(buildKey)}: a line is not a build event");
            yield return buildEvent;
            if (buildEvent is BuildFinished)
                yield break;
        }
    }

    /// <summary>The one JSON form of events, for <c>--json</c> too.</summary>
    public static string ToJson(BuildEvent buildEvent) => JsonSerializer.Serialize(buildEvent, Json);

    public void Dispose()
    {
        foreach (var journal in _open.Values)
            journal.Dispose();
    }

    private string FileOf(string buildKey) => Path.Combine(directory, Uri.EscapeDataString(buildKey) + ".jsonl");

    private sealed class Journal : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly FileStream _file;
        private long _length;
        private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Journal(string path)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            _length = EndOfLastLine(_file);
            _file.SetLength(_length);
            _file.Position = _length;
        }

        /// <summary>Where the whole lines end: a process that was killed, or a full disk, may have left a piece of one.</summary>
        private static long EndOfLastLine(FileStream file)
        {
            Span<byte> piece = stackalloc byte[4096];
            for (var end = file.Length; end > 0;)
            {
                var start = Math.Max(0, end - piece.Length);
                var bytes = piece[..(int)(end - start)];
                file.Position = start;
                file.ReadExactly(bytes);
                if (bytes.LastIndexOf((byte)'\n') is >= 0 and var at)
                    return start + at + 1;
                end = start;
            }
            return 0;
        }

        public void Append(byte[] line)
        {
            TaskCompletionSource grown;
            lock (_lock)
            {
                var bytes = new byte[line.Length + 1];
                line.CopyTo(bytes, 0);
                bytes[^1] = (byte)'\n';
                _file.Write(bytes);
                _length += bytes.Length;
                (grown, _grown) = (_grown, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }
            grown.TrySetResult();
        }

        /// <summary>Whole lines from the start, for ever; reads only what has been written completely.</summary>
        public async IAsyncEnumerable<byte[]> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            using var file = new FileStream(_file.Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 64 * 1024);
            var line = new MemoryStream();
            var buffer = new byte[64 * 1024];
            long position = 0;
            while (true)
            {
                long length;
                Task grown;
                lock (_lock)
                    (length, grown) = (_length, _grown.Task);
                if (position == length)
                {
                    await grown.WaitAsync(cancellationToken);
                    continue;
                }
                var read = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - position)), cancellationToken);
                position += read;
                foreach (var b in buffer.AsSpan(0, read).ToArray())
                {
                    if (b != (byte)'\n')
                    {
                        line.WriteByte(b);
                        continue;
                    }
                    yield return line.ToArray();
                    line.SetLength(0);
                }
            }
        }

        public void Dispose() => _file.Dispose();
    }
}
