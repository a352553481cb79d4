using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Spectre.Console;

namespace Grid.Cli.Progress;

/// <summary>
/// Live progress on a terminal: one line a phase, the steps of the running ones with their times and cache marks, and the last lines that
/// running commands printed. What is finished scrolls up; the moving part is redrawn ten times a second.
/// </summary>
public sealed class TerminalProgress : IBuildProgress
{
    private const int TailLines = 6;
    private readonly IAnsiConsole _console;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<Phase, PhaseView> _running = [];
    private readonly ITimer _timer;
    private int _drawn;

    public TerminalProgress(IAnsiConsole console, TimeProvider time)
    {
        (_console, _time) = (console, time);
        _timer = time.CreateTimer(_ => Redraw(), null, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
    }

    public void Show(BuildEvent buildEvent)
    {
        lock (_lock)
        {
            switch (buildEvent)
            {
                case BuildMoved e:
                    Erase();
                    // What ran there is not finished by anybody; where it goes on, it starts anew.
                    _running.Clear();
                    _console.MarkupLine(Fit($"[yellow]![/] {Markup.Escape(Words.Of(e))}"));
                    break;
                case PhaseStarted e:
                    _running[e.Phase] = new PhaseView(e.At);
                    break;
                case StepStarted e when _running.TryGetValue(e.Phase, out var view):
                    view.Step = e;
                    break;
                case StepFinished e when _running.TryGetValue(e.Phase, out var view):
                    if (e.Source != StepSource.Config)
                        view.Done.Add(StepLine(e, view.Step?.Step.Number == e.Step.Number ? e.At - view.Step.At : TimeSpan.Zero));
                    view.Step = null;
                    view.Tail.Clear();
                    break;
                case OutputWritten e when _running.TryGetValue(e.Phase, out var view):
                    view.Write(e.Text);
                    break;
                case PhaseFinished e when _running.Remove(e.Phase, out var view):
                    Erase();
                    foreach (var line in Lines(e.Phase, view, e))
                        _console.MarkupLine(line);
                    break;
            }
        }
        Redraw();
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
            Erase();
    }

    private void Redraw()
    {
        lock (_lock)
        {
            Erase();
            var height = Math.Max(4, _console.Profile.Height - 2);
            var lines = _running.OrderBy(p => p.Key).SelectMany(p => Lines(p.Key, p.Value, null)).ToList();
            foreach (var line in lines.TakeLast(height))
                _console.MarkupLine(line);
            _drawn = Math.Min(lines.Count, height);
        }
    }

    /// <summary>Takes the moving part off the screen; what comes next is written in its place.</summary>
    private void Erase()
    {
        if (_drawn > 0)
            _console.Write(new ControlCode($"\u001b[{_drawn}A\u001b[0J"));
        _drawn = 0;
    }

    private IEnumerable<string> Lines(Phase phase, PhaseView view, PhaseFinished? end)
    {
        var elapsed = (end?.At ?? _time.GetUtcNow()) - view.StartedAt;
        var mark = end?.State switch { null => "[blue]●[/]", PhaseState.Done => "[green]✓[/]", PhaseState.Failed => "[red]✗[/]", _ => "[yellow]–[/]" };
        yield return $"{mark} [bold]{Words.Of(phase)}[/] [grey]{PlainProgress.Seconds(elapsed)}[/]";
        foreach (var line in view.Done)
            yield return line;
        if (end is not null)
            yield break;
        if (view.Step is { } step)
            yield return Fit($"  [blue]→[/] {Markup.Escape(Words.Of(step.Step))}{(step.WaitsForAnother ? " [yellow]waiting for another build[/]" : "")} [grey]{PlainProgress.Seconds(_time.GetUtcNow() - step.At)}[/]");
        if (view.Step?.MissReason is { } reason)
            yield return Fit($"    [grey]runs because {Markup.Escape(reason)}[/]");
        foreach (var line in view.Tail)
            yield return Fit($"    [grey]{Markup.Escape(line)}[/]");
    }

    private string StepLine(StepFinished e, TimeSpan took) => Fit(e.Source == StepSource.Cached
        ? $"  [cyan]CACHED[/] {Markup.Escape(Words.Of(e.Step))}"
        : $"  [green]✓[/] {Markup.Escape(Words.Of(e.Step))} [grey]{Words.Of(e.Source)} {PlainProgress.Seconds(took)}{(e.Size > 0 ? " " + Words.Bytes(e.Size) : "")}[/]");

    /// <summary>Cuts a line so that it takes one row: the redraw counts rows.</summary>
    private string Fit(string markup)
    {
        var width = Math.Max(20, _console.Profile.Width - 1);
        var plain = Markup.Remove(markup);
        return plain.Length <= width ? markup : Markup.Escape(plain[..(width - 1)] + "…");
    }

    private sealed class PhaseView(DateTimeOffset startedAt)
    {
        private readonly StringBuilder _line = new();

        public DateTimeOffset StartedAt { get; } = startedAt;

        public StepStarted? Step { get; set; }

        public List<string> Done { get; } = [];

        public Queue<string> Tail { get; } = [];

        public void Write(string text)
        {
            foreach (var c in text)
            {
                if (c != '\n' && _line.Length < PlainProgress.MaxLine)
                {
                    _line.Append(c);
                    continue;
                }
                Tail.Enqueue(Words.Printable(_line.ToString()).Replace("\t", "    ", StringComparison.Ordinal));
                if (Tail.Count > TailLines)
                    Tail.Dequeue();
                _line.Clear();
            }
        }
    }
}
