using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Lifecycle;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>A phase's log lines and the output of its processes, as events of the build.</summary>
/// <remarks>
/// Who goes on with a sandbox of an earlier silo does the phase's part once more, and gets all output of its processes again (<see cref="SandboxLife"/>). What the
/// journal has of it is left out here: each event says how far it is, in the same record as the text itself, so that nothing is there twice and nothing is missing.
/// </remarks>
internal sealed class PhaseOutput(string buildKey, Phase phase, IBuildEvents events, TimeProvider time) : IPhaseLog
{
    private const int Lines = 0, Standard = 1, Error = 2;
    private readonly Lock _lock = new();
    private readonly OutputPosition[] _streams = [new(), new(), new()];
    private string? _sandbox;

    /// <summary>From now on output is that of a sandbox. Of one that is gone on with, what the journal has is left out.</summary>
    public async Task FollowAsync(SandboxLife? life, CancellationToken cancellationToken)
    {
        if (life is null)
            return;
        _sandbox = life.Id;
        if (!life.Adopted)
            return;
        // A line of our own, behind everything that the silo before wrote: up to it the journal can be read without waiting for more.
        var here = new OutputMark(Guid.NewGuid().ToString("n"), Lines, 0);
        events.Append(buildKey, new OutputWritten(phase, "Node was started again; going on with what runs there\n", IsError: false) { At = time.GetUtcNow(), Mark = here });
        await events.FlushAsync(buildKey, cancellationToken);
        await foreach (var recorded in events.ReadAsync(buildKey, 0, cancellationToken))
        {
            if (recorded.Event is not OutputWritten { Mark: { } mark })
                continue;
            if (mark == here)
                return;
            if (mark.Sandbox == life.Id)
                _streams[mark.Stream].Known = Math.Max(_streams[mark.Stream].Known, mark.End);
        }
    }

    public void Log(PhaseLogLevel level, string line)
    {
        if (level == PhaseLogLevel.Debug)
            return;
        var prefix = level switch { PhaseLogLevel.Warn => "Warning: ", PhaseLogLevel.Error => "ERROR: ", _ => "" };
        lock (_lock)
        {
            if (_streams[Lines].Count() is { } end)
                Append(prefix + line + "\n", level == PhaseLogLevel.Error, Lines, end);
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            var stream = isError ? Error : Standard;
            var text = _streams[stream].Take(bytes, out var end);
            if (text.Length > 0)
                Append(text, isError, stream, end);
        }
    }

    private void Append(string text, bool isError, int stream, long end) =>
        events.Append(buildKey, new OutputWritten(phase, text, isError) { At = time.GetUtcNow(), Mark = _sandbox is null ? null : new OutputMark(_sandbox, stream, end) });

    /// <summary>How much of a stream has come, and how much of it is in the journal.</summary>
    private sealed class OutputPosition
    {
        private readonly List<byte> _begun = [];
        private long _come;

        /// <summary>What the journal has from an earlier silo.</summary>
        public long Known { get; set; }

        /// <summary>Counts a line; its number, or null when the journal has it.</summary>
        public long? Count() => ++_come > Known ? _come : null;

        /// <summary>Takes a piece; gives what is new in it, in whole characters, and how much of the stream that makes.</summary>
        public string Take(ReadOnlySpan<byte> bytes, out long end)
        {
            var known = Math.Clamp(Known - _come, 0, bytes.Length);
            _come += bytes.Length;
            _begun.AddRange(bytes[(int)known..]);
            var whole = _begun.Count - Unfinished(_begun);
            end = _come - (_begun.Count - whole);
            var text = Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_begun)[..whole]);
            _begun.RemoveRange(0, whole);
            return text;
        }

        /// <summary>How many bytes at the end are the beginning of a character: it may be cut between two pieces.</summary>
        private static int Unfinished(List<byte> bytes)
        {
            for (var back = 1; back <= Math.Min(3, bytes.Count); back++)
            {
                var value = bytes[^back];
                if ((value & 0xC0) == 0x80)
                    continue;
                var length = value >= 0xF0 ? 4 : value >= 0xE0 ? 3 : value >= 0xC0 ? 2 : 1;
                return length > back ? back : 0;
            }
            return 0;
        }
    }
}
