using Grid.Buildpacks.Order;

namespace Grid.Lifecycle.Detect;

/// <summary>
/// What detection says. As in the reference the lines are held back until the end: details are of the debug level when a group passed, and
/// shown to everybody when none did.
/// </summary>
internal sealed class DetectReport
{
    private const int ExplainedGroups = 20;
    private readonly List<(PhaseLogLevel Level, string Line)> _lines = [];
    private readonly List<string> _failures = [];
    private int _groups;

    public void Add(PhaseLogLevel level, string line) => _lines.Add((level, line));

    /// <summary>Adds the output and the verdict of each module of a group.</summary>
    public void AddResults(IReadOnlyList<Candidate> group, IReadOnlyList<DetectRun> runs)
    {
        foreach (var (candidate, run) in group.Zip(runs))
        {
            var level = run.Verdict == DetectVerdict.Error ? PhaseLogLevel.Info : PhaseLogLevel.Debug;
            AddText(level, $"======== Output: {candidate} ========", run.Output);
            if (run.Verdict == DetectVerdict.Error)
                AddText(level, $"======== Error: {candidate} ========", run.Problem ?? "");
        }
        Add(PhaseLogLevel.Debug, "======== Results ========");
        foreach (var (candidate, run) in group.Zip(runs))
            AddVerdict(candidate, run);
    }

    /// <summary>Notes why a group was not taken.</summary>
    public void AddFailure(IReadOnlyList<Candidate> group, IEnumerable<string> reasons)
    {
        if (_groups++ < ExplainedGroups)
            _failures.Add($"  {string.Join(", ", group)}: {string.Join("; ", reasons)}");
    }

    /// <summary>Each group that was tried and why it failed, a line each.</summary>
    public string Failures() => string.Join('\n', _failures) + (_groups > ExplainedGroups ? $"\n  and {_groups - ExplainedGroups} more groups" : "");

    public void WriteTo(IPhaseLog log, bool failed)
    {
        foreach (var (level, line) in _lines)
            log.Log(failed && level == PhaseLogLevel.Debug ? PhaseLogLevel.Info : level, line);
    }

    private void AddVerdict(Candidate candidate, DetectRun run)
    {
        var code = run.ExitCode is { } number and not 0 ? $" ({number})" : "";
        switch (run.Verdict)
        {
            case DetectVerdict.Pass:
                Add(PhaseLogLevel.Debug, $"pass: {candidate}");
                break;
            case DetectVerdict.Fail:
                Add(PhaseLogLevel.Debug, $"{(candidate.Optional ? "skip" : "fail")}: {candidate}");
                break;
            case DetectVerdict.OtherTarget:
                Add(PhaseLogLevel.Info, $"skip: {candidate}: {run.Problem}");
                break;
            default:
                Add(PhaseLogLevel.Info, $"err:  {candidate}{code}");
                break;
        }
    }

    private void AddText(PhaseLogLevel level, string title, string text)
    {
        if (text.Length == 0)
            return;
        Add(level, title);
        foreach (var line in text.TrimEnd('\n').Split('\n'))
            Add(level, line);
    }
}
