using System.Text;

namespace Grid.Lifecycle.Tests.Support;

/// <summary>Keeps what a phase logs.</summary>
internal sealed class RecordedLog : IPhaseLog
{
    private readonly StringBuilder _output = new();

    public List<(PhaseLogLevel Level, string Line)> Lines { get; } = [];

    /// <summary>Output of modules.</summary>
    public string Output => _output.ToString();

    /// <summary>Lines a user sees at the info level, as the reference prints them.</summary>
    public IEnumerable<string> Visible => Lines.Where(l => l.Level >= PhaseLogLevel.Info)
        .Select(l => l.Level switch { PhaseLogLevel.Warn => "Warning: ", PhaseLogLevel.Error => "ERROR: ", _ => "" } + l.Line);

    public void Log(PhaseLogLevel level, string line) => Lines.Add((level, line));

    public void Write(ReadOnlySpan<byte> bytes, bool isError) => _output.Append(Encoding.UTF8.GetString(bytes));
}
