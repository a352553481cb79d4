using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Grid.Contracts.Events;

namespace Grid.Hosting.Events;

/// <summary>Build events as files of JSON lines, one file for each build. Nothing is kept in memory, however much a step prints.</summary>
public sealed class FileBuildEvents(string directory) : IBuildEvents, IBuildJournals, IDisposable
{
    private const string Suffix = ".jsonl";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private readonly ConcurrentDictionary<string, Journal> _open = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Append(string buildKey, BuildEvent buildEvent)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(buildEvent, Json);
        _open.GetOrAdd(buildKey, key => new Journal(FileOf(key))).Append(line, buildEvent);
    }

    /// <inheritdoc/>
    public DateTimeOffset? OldestUnfinished => _open.Values.Select(j => j.UnfinishedSince).Min();

    /// <inheritdoc/>
    public int RemoveFinished(DateTimeOffset notWrittenSince)
    {
        if (!Directory.Exists(directory))
            return 0;
        var unfinished = _open.Where(j => j.Value.UnfinishedSince is not null).Select(j => FileOf(j.Key)).ToHashSet(StringComparer.Ordinal);
        var removed = 0;
        foreach (var file in new DirectoryInfo(directory).EnumerateFiles("*" + Suffix).Where(f => !unfinished.Contains(f.FullName) && f.LastWriteTimeUtc < notWrittenSince.UtcDateTime).ToList())
        {
            // Who still reads it keeps the open file.
            file.Delete();
            removed++;
        }
        return removed;
    }

    /// <summary>Builds that have a journal, the one that was written to last first.</summary>
    public IReadOnlyList<string> Builds() => !Directory.Exists(directory) ? []
        : [.. new DirectoryInfo(directory).EnumerateFiles("*" + Suffix).OrderByDescending(f => f.LastWriteTimeUtc).Select(f => Uri.UnescapeDataString(f.Name[..^Suffix.Length]))];

    /// <summary>The whole events of a build so far; none when it has no journal.</summary>
    public IEnumerable<BuildEvent> Read(string buildKey)
    {
        if (!File.Exists(FileOf(buildKey)))
            yield break;
        foreach (var line in File.ReadLines(FileOf(buildKey)))
        {
            if (line.EndsWith('}') && JsonSerializer.Deserialize<BuildEvent>(line, Json) is { } buildEvent)
                yield return buildEvent;
        }
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

    private string FileOf(string buildKey) => Path.Combine(directory, Uri.EscapeDataString(buildKey) + Suffix);

    private sealed class Journal : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly FileStream _file;
        private readonly DateTimeOffset _began;
        private long _length;
        private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>When the build began, for a journal that this process writes and that has no end yet; else null.</summary>
        public DateTimeOffset? UnfinishedSince { get; private set; }

        public Journal(string path)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 0);
            _began = new DateTimeOffset(File.GetCreationTimeUtc(path), TimeSpan.Zero);
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

        public void Append(byte[] line, BuildEvent buildEvent)
        {
            TaskCompletionSource grown;
            lock (_lock)
            {
                var bytes = new byte[line.Length + 1];
                line.CopyTo(bytes, 0);
                bytes[^1] = (byte)'\n';
                _file.Write(bytes);
                // A build that goes on in this process began before its journal was opened here.
                UnfinishedSince = buildEvent is BuildFinished ? null : UnfinishedSince ?? (_length == 0 ? buildEvent.At : _began);
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
