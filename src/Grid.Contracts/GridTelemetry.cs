using System.Diagnostics;

namespace Grid.Contracts;

/// <summary>Names of our traces, and the one activity source.</summary>
public static class GridTelemetry
{
    public const string SourceName = "Grid";

    public static readonly ActivitySource Source = new(SourceName);

    /// <summary>
    /// Starts a span under a parent given as W3C traceparent text (which survives in grain state), or under the current one. A current one that nobody
    /// records is no parent: the span would hang below something that is nowhere to be seen.
    /// </summary>
    public static Activity? Start(string name, string? traceParent, ActivityKind kind = ActivityKind.Internal)
    {
        if (ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent))
            return Source.StartActivity(name, kind, parent);
        var current = Activity.Current;
        if (current is { Recorded: false })
            Activity.Current = null;
        var span = Source.StartActivity(name, kind);
        if (span is null)
            Activity.Current = current;
        return span;
    }

    /// <summary>Starts a span that ends in another turn: it does not become the current one.</summary>
    public static Activity? StartDetached(string name, string? traceParent)
    {
        var current = Activity.Current;
        var span = Start(name, traceParent);
        Activity.Current = current;
        return span;
    }

    /// <summary>Marks a span failed.</summary>
    public static void Fail(this Activity? activity, string message) => activity?.SetStatus(ActivityStatusCode.Error, message);
}
