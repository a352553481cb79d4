using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Grid.Hosting.Telemetry;

/// <summary>
/// Samples what belongs to a build or a command, and leaves out the calls grains make on their own: heartbeats, timers and reminders would each be a
/// trace of one span, several a second. Requests count when whoever sends them traces them: a health check is no trace either.
/// </summary>
internal sealed class BuildTraces : Sampler
{
    public override SamplingResult ShouldSample(in SamplingParameters parameters)
    {
        if (parameters.ParentContext.TraceId != default)
            return new SamplingResult(parameters.ParentContext.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? SamplingDecision.RecordAndSample : SamplingDecision.Drop);
        // Spans of Orleans are called "interface/method", those of requests are of kind server; ours begin traces, and are neither.
        return new SamplingResult(parameters.Name.Contains('/', StringComparison.Ordinal) || parameters.Kind == ActivityKind.Server ? SamplingDecision.Drop : SamplingDecision.RecordAndSample);
    }
}
