using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Telemetry;

/// <summary>
/// The span of a module's process, when the phase is traced: the module is told of it by CNB_OTEL_TRACEPARENT, and what it writes of itself is put below it
/// (RFC 0131). Untraced, it is nothing, and modules see no variable but what the platform gave; what they write then is the platform's to read.
/// </summary>
internal sealed class ModuleSpan : IDisposable
{
    /// <summary>W3C trace context for modules (RFC 0131 §Context Propagation).</summary>
    public const string Variable = "CNB_OTEL_TRACEPARENT";

    private readonly Activity? _activity;
    private readonly string? _context;
    private readonly ModuleKind _kind;
    private readonly string _id;
    private readonly string _version;
    private readonly string _phase;

    private ModuleSpan(Activity? activity, string? context, ModuleKind kind, string id, string version, string phase) =>
        (_activity, _context, _kind, _id, _version, _phase) = (activity, context, kind, id, version, phase);

    /// <summary>Begins the span of a module.</summary>
    /// <param name="environment">What the phase is told.</param>
    /// <param name="kind">What the module is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="version">Its version.</param>
    /// <param name="phase"><c>detect</c>, <c>generate</c> or <c>build</c>.</param>
    public static ModuleSpan Start(PhaseEnvironment environment, ModuleKind kind, string id, string version, string phase)
    {
        // A span of its own would begin a trace where nobody wants one.
        var activity = Activity.Current is { Recorded: true } ? LifecycleTelemetry.Source.StartActivity($"{(kind == ModuleKind.Buildpack ? "buildpack" : "extension")} {phase}") : null;
        activity?.SetTag("cnb.module.id", id).SetTag("cnb.module.version", version);
        return new ModuleSpan(activity, activity?.Id ?? environment.PlatformTrace, kind, id, version, phase);
    }

    /// <summary>Whether modules are told of a trace.</summary>
    public static bool IsTraced(PhaseEnvironment environment) => environment.PlatformTrace is not null || Activity.Current is { Recorded: true };

    /// <summary>A process' variables with the one that names this span; a value that a user gave is not passed on.</summary>
    public IReadOnlyList<string> AddTo(IReadOnlyList<string> variables) => _context is null ? variables
        : [.. variables.Where(v => !v.StartsWith(Variable + "=", StringComparison.Ordinal)), $"{Variable}={_context}"];

    /// <summary>Puts what the module wrote of itself below the span. To be called when its process has ended, also when it failed.</summary>
    public void Collect(IFileTree files, PhaseEnvironment environment, IPhaseLog log)
    {
        if (_activity is null)
            return;
        try
        {
            using var file = TracingDirectory.Open(files, environment, _kind, _id, _version, _phase);
            if (file is null)
                return;
            var spans = TraceFile.Read(file);
            new SpanReplay(_activity, _id).Replay(spans.Spans);
            LifecycleTelemetry.Collected(spans.Spans.Count, spans.Dropped);
            if (spans.Problem is { } problem)
                log.Warn($"{_id}: its trace is not complete: {problem}");
        }
        catch (IOException e)
        {
            log.Warn($"{_id}: its trace cannot be read: {e.Message}");
        }
    }

    public void Dispose() => _activity?.Dispose();
}
