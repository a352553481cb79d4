using System.Text;

namespace Grid.Lifecycle.Tests.Build;

/// <summary>Keeps what a phase logs and what its modules print.</summary>
internal sealed class CapturedLog : IPhaseLog
{
    private readonly Lock _lock = new();
    private readonly List<byte> _output = [];
    private readonly List<(PhaseLogLevel Level, string Line)> _lines = [];

    public string Output => Encoding.UTF8.GetString(_output.ToArray());

    public IReadOnlyList<string> Lines(PhaseLogLevel least = PhaseLogLevel.Info) => [.. _lines.Where(line => line.Level >= least).Select(line => line.Line)];

    public void Log(PhaseLogLevel level, string line)
    {
        lock (_lock)
            _lines.Add((level, line));
    }

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        lock (_lock)
            _output.AddRange(bytes);
    }
}
