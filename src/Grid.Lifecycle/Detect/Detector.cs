using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Order;
using Grid.Lifecycle.Telemetry;
using Grid.Sandbox;

namespace Grid.Lifecycle.Detect;

/// <summary>
/// The detect phase (buildpack.md §"Phase #1: Detection"): finds the first group of the order whose modules want to build the app, and the plan
/// of who provides what to whom.
/// </summary>
public sealed class Detector
{
    private readonly DetectInput _input;
    private readonly ModuleStore _store;
    private readonly ModuleDetection _detection;
    private readonly DetectReport _report = new();
    private bool _anyErrored;

    private Detector(DetectInput input, ModuleStore store, ModuleDetection detection) => (_input, _store, _detection) = (input, store, detection);

    /// <summary>Detects. The modules of one candidate group run in parallel, each at most once.</summary>
    /// <param name="sandbox">Has the builder's root and the app, which should be mounted read-only.</param>
    /// <param name="input">What to try.</param>
    /// <param name="log">Takes the reference lifecycle's lines.</param>
    /// <param name="cancellationToken">Ends running modules.</param>
    /// <exception cref="LifecycleException">
    /// No group passed (20, or 21 when a detect errored; the message says why each group failed), an API is not supported (11, 12), a module
    /// is missing or the input cannot be used (1), or the order cannot be expanded (22).
    /// </exception>
    public static async Task<DetectResult> DetectAsync(ISandbox sandbox, DetectInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        DetectChecks.Check(input, log);
        var store = input.Environment.ToModuleStore(sandbox.Files);
        if (ModuleSpan.IsTraced(input.Environment))
            TracingDirectory.Prepare(sandbox.Files, input.Environment);
        using var detection = new ModuleDetection(sandbox, input.Environment, input.Degree, log);
        var detector = new Detector(input, store, detection);
        var result = await detector.DetectAsync(cancellationToken);
        detector._report.WriteTo(log, failed: result is null);
        return result ?? throw detector.NothingPassed(log);
    }

    private async Task<DetectResult?> DetectAsync(CancellationToken cancellationToken)
    {
        var order = _input.Environment.Api >= new ApiVersion(0, 15) ? _input.Order.Merge(_input.System) : _input.Order;
        foreach (var element in order.Order.Concat(order.OrderExtensions).SelectMany(g => g.Elements))
            _store.Find(element.Kind, element.Id, element.Version);

        // Different ways through composites can lead to the same group again; its answer is known then.
        var tried = new HashSet<string>(StringComparer.Ordinal);
        foreach (var group in new OrderExpansion(_store, Admits).Groups(order))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (tried.Add(string.Join('\n', group.Select(c => $"{c.Module.Kind} {c} {c.Optional}"))) && await TryAsync(group, cancellationToken) is { } result)
                return result;
        }
        return null;
    }

    private async Task<DetectResult?> TryAsync(IReadOnlyList<Candidate> group, CancellationToken cancellationToken)
    {
        var runs = await _detection.RunAsync(group, cancellationToken);
        _report.AddResults(group, runs);
        _anyErrored |= runs.Any(r => r.Verdict == DetectVerdict.Error);
        var reasons = group.Zip(runs).Where(p => p.Second.Verdict != DetectVerdict.Pass).Select(p => p.Second.Reason(p.First)).ToList();
        if (group.Zip(runs).Any(p => !p.First.Optional && p.Second.Verdict != DetectVerdict.Pass))
        {
            _report.AddFailure(group, reasons);
            return null;
        }
        var passed = group.Zip(runs).Where(p => p.Second.Verdict == DetectVerdict.Pass).ToList();
        if (!passed.Exists(p => p.First.Module.Kind == ModuleKind.Buildpack))
        {
            _report.Add(PhaseLogLevel.Debug, "fail: no viable buildpacks in group");
            _report.AddFailure(group, [.. reasons, "no buildpack is left"]);
            return null;
        }
        var candidates = passed.Select(p => new PlanCandidate(Element(p.First), p.First.Optional, p.Second.Plan)).ToList();
        var outcome = PlanResolver.Resolve(candidates, line => _report.Add(PhaseLogLevel.Debug, line), cancellationToken);
        if (outcome.Group is null)
        {
            _report.AddFailure(group, [.. reasons, outcome.Failure ?? "its plan cannot be resolved"]);
            return null;
        }
        AddParticipants(outcome.Group, group.Count);
        return new DetectResult(outcome.Group, outcome.Plan);
    }

    private void AddParticipants(Group group, int tried)
    {
        var elements = group.Extensions.Concat(group.Buildpacks).ToList();
        if (elements.Count < tried)
            _report.Add(PhaseLogLevel.Info, $"{elements.Count} of {tried} buildpacks participating");
        var width = elements.Max(e => e.Id.Length);
        foreach (var element in elements)
            _report.Add(PhaseLogLevel.Info, $"{element.Id.PadRight(width)} {element.Version}");
    }

    private bool Admits(Candidate candidate, OrderElement element)
    {
        if (_input.Environment.Api < new ApiVersion(0, 15) || _input.Environment.ExecEnv.Length == 0)
            return true;
        var execEnv = _input.Environment.ExecEnv;
        if (candidate.Module.RunsIn(execEnv) && element.RunsIn(execEnv))
            return true;
        _report.Add(PhaseLogLevel.Info, $"skip: {candidate}: not for the execution environment {execEnv}");
        return false;
    }

    private static GroupElement Element(Candidate candidate) =>
        new(candidate.Module.Kind, candidate.Id, candidate.Version, candidate.Module.Api.ToString()) { Homepage = candidate.Module.Homepage };

    private LifecycleException NothingPassed(IPhaseLog log)
    {
        log.Error("No buildpack groups passed detection.");
        if (!_anyErrored)
            log.Error("Please check that you are running against the correct path.");
        var failures = _report.Failures();
        var why = failures.Length == 0 ? " the order has no groups of buildpacks" : "\n" + failures;
        return _anyErrored
            ? new LifecycleException(ExitCode.DetectFailedWithErrors, $"failed to detect: buildpack(s) failed with err:{why}")
            : new LifecycleException(ExitCode.DetectFailed, $"failed to detect: no buildpacks participating:{why}");
    }
}
