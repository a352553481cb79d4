using System.Text;
using Grid.Lifecycle;

namespace Grid.Lifecycle.Tests.Source;

/// <summary>What a fetch says.</summary>
internal sealed class Lines : IPhaseLog
{
    private readonly StringBuilder _text = new();

    public string Text => _text.ToString();

    public void Log(PhaseLogLevel level, string line) => _text.AppendLine(line);

    public void Write(ReadOnlySpan<byte> bytes, bool isError) => _text.Append(Encoding.UTF8.GetString(bytes));
}
