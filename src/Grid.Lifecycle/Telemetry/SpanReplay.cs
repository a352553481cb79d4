using System.Diagnostics;

namespace Grid.Lifecycle.Telemetry;

/// <summary>
/// Makes a module's spans part of its own span: each gets a new id, so that none can take another's place, and whatever trace they say they belong to, they belong
/// to this one. What is in what is kept as far as the file says it; times are kept within the module's.
/// </summary>
internal sealed class SpanReplay(Activity module, string moduleId)
{
    private readonly Dictionary<string, WrittenSpan> _written = new(StringComparer.Ordinal);
    private readonly Dictionary<WrittenSpan, ActivityContext> _made = new(ReferenceEqualityComparer.Instance);
    private readonly DateTimeOffset _from = new(module.StartTimeUtc, TimeSpan.Zero);
    private readonly DateTimeOffset _to = TimeProvider.System.GetUtcNow();

    public void Replay(IReadOnlyList<WrittenSpan> spans)
    {
        foreach (var span in spans.Where(s => s.Id.Length > 0))
            _written.TryAdd(span.Id, span);
        foreach (var span in spans)
            Make(span);
    }

    /// <summary>Makes a span after those it is in. Of spans that are in each other, the first one asked for is in the module's.</summary>
    private void Make(WrittenSpan span)
    {
        var chain = new Stack<WrittenSpan>();
        for (var at = span; at is not null && !_made.ContainsKey(at) && !chain.Contains(at, ReferenceEqualityComparer.Instance); at = _written.GetValueOrDefault(at.ParentId))
            chain.Push(at);
        foreach (var next in chain)
        {
            var parent = _written.GetValueOrDefault(next.ParentId) is { } outer && _made.TryGetValue(outer, out var context) ? context : module.Context;
            _made[next] = Write(next, parent);
        }
    }

    private ActivityContext Write(WrittenSpan span, ActivityContext parent)
    {
        var before = Activity.Current;
        // Names of ours are not theirs to give.
        var attributes = span.Attributes.Where(a => !a.Key.StartsWith("grid.", StringComparison.Ordinal) && !a.Key.StartsWith("cnb.module.", StringComparison.Ordinal)).Append(new("cnb.module.id", moduleId));
        var start = Within(span.Start);
        using var activity = LifecycleTelemetry.Source.StartActivity(span.Name, ActivityKind.Internal, parent, attributes, links: null, start);
        try
        {
            if (activity is null)
                return parent;
            foreach (var (name, at) in span.Events)
                activity.AddEvent(new ActivityEvent(name, Within(at)));
            if (span.Error is { } error)
                activity.SetStatus(ActivityStatusCode.Error, error);
            var end = Within(span.End);
            activity.SetEndTime((end < start ? start : end).UtcDateTime);
            activity.Stop();
            return activity.Context;
        }
        finally
        {
            Activity.Current = before;
        }
    }

    private DateTimeOffset Within(DateTimeOffset time) => time < _from ? _from : time > _to ? _to : time;
}
