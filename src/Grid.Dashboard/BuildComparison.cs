using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Dashboard;

/// <summary>Two builds of an app, the first taken as the one before: what is different in the second, and what that cost.</summary>
public sealed record BuildComparison(BuildStory Before, BuildStory After)
{
    /// <summary>A line of the comparison.</summary>
    /// <param name="Name">What is compared.</param>
    /// <param name="Before">In the first.</param>
    /// <param name="After">In the second.</param>
    /// <param name="IsChange">They differ, and that means something.</param>
    public sealed record Row(string Name, string Before, string After, bool IsChange)
    {
        /// <summary>What the difference cost, or spared, in words.</summary>
        public string Cost { get; init; } = "";
    }

    /// <summary>What was asked for and what came of it.</summary>
    public IEnumerable<Row> Outcome()
    {
        yield return Same("state", Show.Word(Before.Build.State), Show.Word(After.Build.State));
        yield return Same("image", Before.Build.Image, After.Build.Image);
        yield return Same("digest", Before.Build.Digest ?? "none", After.Build.Digest ?? "none");
        if (Before.Build.Failure is not null || After.Build.Failure is not null)
            yield return Same("failure", Before.Build.Failure?.Message ?? "none", After.Build.Failure?.Message ?? "none");
    }

    /// <summary>How long the whole and each phase took.</summary>
    public IEnumerable<Row> Times()
    {
        yield return Time("from submission to the end", Before.Took, After.Took);
        foreach (var phase in Before.Phases.Keys.Union(After.Phases.Keys).Order())
        {
            yield return (Before.Phases.TryGetValue(phase, out var before), After.Phases.TryGetValue(phase, out var after)) switch
            {
                (true, true) => Time(Show.Word(phase), before, after),
                (true, false) => new Row(Show.Word(phase), Show.Time(before), "did not run", true),
                _ => new Row(Show.Word(phase), "did not run", Show.Time(after), true) { Cost = Signed(after) },
            };
        }
    }

    /// <summary>The Dockerfile steps.</summary>
    public IEnumerable<Row> Steps() => Before.Steps.Keys.Union(After.Steps.Keys).Order(StringComparer.Ordinal).Select(name =>
    {
        var (before, after) = (Before.Steps.GetValueOrDefault(name), After.Steps.GetValueOrDefault(name));
        return new Row(name, Words(before), Words(after), before?.Source != after?.Source || before?.DiffId != after?.DiffId) { Cost = CostOf(before, after) };
    });

    /// <summary>The most important of it in one sentence each.</summary>
    public IEnumerable<string> Summary()
    {
        var difference = After.Took - Before.Took;
        yield return difference.Duration() < TimeSpan.FromSeconds(0.1) ? "Both took the same time."
            : $"The second took {Show.Time(difference.Duration())} {(difference > TimeSpan.Zero ? "longer" : "less")}.";
        if (Before.Build.Digest is { } one && After.Build.Digest is { } other)
            yield return one == other ? "Both made the same image, byte for byte." : "They made different images.";
        var again = After.Steps.Where(s => s.Value.Source == StepSource.Ran && Before.Steps.ContainsKey(s.Key)).ToList();
        if (again.Count > 0)
            yield return $"{(again.Count == 1 ? "A step that was there before ran again" : $"{Show.Number(again.Count)} steps that were there before ran again")}, for {Show.Time(TimeSpan.FromTicks(again.Sum(s => s.Value.Took.Ticks)))}.";
        var spared = After.Steps.Where(s => s.Value.Source is StepSource.Cached or StepSource.Restored or StepSource.Shared && Before.Steps.GetValueOrDefault(s.Key)?.Source == StepSource.Ran).ToList();
        if (spared.Count > 0)
            yield return $"{(spared.Count == 1 ? "A step" : $"{Show.Number(spared.Count)} steps")} that the first ran came from the cache: {Show.Time(TimeSpan.FromTicks(spared.Sum(s => Before.Steps[s.Key].Took.Ticks)))} spared.";
    }

    private static Row Same(string name, string before, string after) => new(name, before, after, before != after);

    private static Row Time(string name, TimeSpan before, TimeSpan after) => new(name, Show.Time(before), Show.Time(after), false) { Cost = Signed(after - before) };

    private static string Words(StepStory? step) => step is null ? "not there" : step.DiffId is { } layer ? $"{step.Words}: {Show.Digest(layer)}, {Show.Bytes(step.Size)}" : $"{step.Words}: no files changed";

    private static string CostOf(StepStory? before, StepStory? after)
    {
        var time = (after?.Source == StepSource.Ran ? after.Took : TimeSpan.Zero) - (before?.Source == StepSource.Ran ? before.Took : TimeSpan.Zero);
        var bytes = (after?.Size ?? 0) - (before?.Size ?? 0);
        return string.Join(", ", new[] { time == TimeSpan.Zero ? "" : Signed(time), bytes == 0 ? "" : $"{(bytes > 0 ? "+" : "−")}{Show.Bytes(Math.Abs(bytes))}" }.Where(t => t.Length > 0));
    }

    private static string Signed(TimeSpan time) => $"{(time < TimeSpan.Zero ? "−" : "+")}{Show.Time(time.Duration())}";
}
