using System.Globalization;
using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Cli.Progress;

/// <summary>Progress as plain lines, each with the phase it belongs to: for pipes, files and CI.</summary>
public sealed class PlainProgress(TextWriter output) : IBuildProgress
{
    /// <summary>A line longer than this is shown in pieces: what a sandbox prints must not fill our memory.</summary>
    internal const int MaxLine = 8192;

    private readonly Dictionary<Phase, StringBuilder> _unfinishedLines = [];
    private readonly Dictionary<Phase, DateTimeOffset> _started = [];
    private readonly Dictionary<(Phase, int), DateTimeOffset> _steps = [];

    public void Show(BuildEvent buildEvent)
    {
        switch (buildEvent)
        {
            case BuildMoved e:
                output.WriteLine($"{"build",-12} {Words.Of(e)}");
                break;
            case PhaseStarted e:
                _started[e.Phase] = e.At;
                Write(e.Phase, "started");
                break;
            case PhaseFinished e:
                Flush(e.Phase);
                Write(e.Phase, $"{e.State.ToString().ToLowerInvariant()} in {Seconds(e.At - _started.GetValueOrDefault(e.Phase, e.At))}");
                break;
            case StepStarted e:
                _steps[(e.Phase, e.Step.Number)] = e.At;
                Write(e.Phase, $"{Words.Of(e.Step)}{(e.WaitsForAnother ? " (another build runs it; waiting)" : "")}");
                if (e.MissReason is not null)
                    Write(e.Phase, $"    runs because {e.MissReason}");
                break;
            case StepFinished { Source: StepSource.Config }:
                break;
            case StepFinished e:
                Flush(e.Phase);
                var took = _steps.TryGetValue((e.Phase, e.Step.Number), out var at) ? " in " + Seconds(e.At - at) : "";
                if (e.Source == StepSource.Cached)
                    Write(e.Phase, $"{Words.Of(e.Step)} {Words.Of(e.Source)}");
                else
                    Write(e.Phase, $"[{e.Step.Number}/{e.Step.Total}] {Words.Of(e.Source)}{took}{(e.Size > 0 ? ", layer " + Words.Bytes(e.Size) : ", no files changed")}");
                break;
            case OutputWritten e:
                Output(e);
                break;
        }
    }

    public void Dispose()
    {
        foreach (var phase in _unfinishedLines.Keys.ToArray())
            Flush(phase);
    }

    internal static string Seconds(TimeSpan time) => time.TotalSeconds.ToString(time.TotalSeconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture) + " s";

    private void Output(OutputWritten e)
    {
        if (!_unfinishedLines.TryGetValue(e.Phase, out var line))
            _unfinishedLines[e.Phase] = line = new StringBuilder();
        foreach (var c in e.Text)
        {
            if (c == '\n')
                Flush(e.Phase);
            else if (c != '\r')
                line.Append(c);
            if (line.Length >= MaxLine)
                Flush(e.Phase);
        }
    }

    private void Flush(Phase phase)
    {
        if (!_unfinishedLines.TryGetValue(phase, out var line) || line.Length == 0)
            return;
        Write(phase, "  " + Words.Printable(line.ToString()));
        line.Clear();
    }

    private void Write(Phase phase, string text) => output.WriteLine($"{Words.Of(phase),-12} {text}");
}
