using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Lifecycle;

namespace Grid.Worker;

/// <summary>A phase's log lines and the output of its processes, as events of the build.</summary>
internal sealed class PhaseOutput(string buildKey, Phase phase, IBuildEvents events, TimeProvider time) : IPhaseLog
{
    private readonly Lock _lock = new();
    private readonly Decoder _standard = Encoding.UTF8.GetDecoder();
    private readonly Decoder _error = Encoding.UTF8.GetDecoder();

    public void Log(PhaseLogLevel level, string line)
    {
        if (level == PhaseLogLevel.Debug)
            return;
        var prefix = level switch { PhaseLogLevel.Warn => "Warning: ", PhaseLogLevel.Error => "ERROR: ", _ => "" };
        Append(prefix + line + "\n", level == PhaseLogLevel.Error);
    }

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            // A decoder for each stream: a character may be cut between two pieces.
            var decoder = isError ? _error : _standard;
            var characters = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
            var count = decoder.GetChars(bytes, characters, flush: false);
            if (count > 0)
                Append(new string(characters, 0, count), isError);
        }
    }

    private void Append(string text, bool isError) => events.Append(buildKey, new OutputWritten(phase, text, isError) { At = time.GetUtcNow() });
}
