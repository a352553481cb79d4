using OpenTelemetry.Trace;

namespace Grid.Hosting;

/// <summary>
/// Samples what belongs to a build or a command, and leaves out the calls grains make on their own: heartbeats, timers and reminders would each be a
/// trace of one span, several a second.
/// </summary>
internal sealed class BuildTraces : Sampler
{
    public override SamplingResult ShouldSample(in SamplingParameters parameters)
    {
        if (parameters.ParentContext.TraceId != default && parameters.ParentContext.TraceFlags.HasFlag(System.Diagnostics.ActivityTraceFlags.Recorded))
            return new SamplingResult(SamplingDecision.RecordAndSample);
        // Spans of Orleans are called "interface/method"; ours begin traces, and have no slash.
        return new SamplingResult(parameters.Name.Contains('/', StringComparison.Ordinal) ? SamplingDecision.Drop : SamplingDecision.RecordAndSample);
    }
}
