using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;
using Grid.Sandbox;

namespace Grid.Lifecycle.Detect;

/// <summary>The detect phase (buildpack.md §Phase #1: Detection): finds the first group of the order whose modules pass and whose plans fit together.</summary>
public sealed class Detector
{
    private static readonly string[] SupportedApis = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12"];
    private readonly DetectInput _input;
    private readonly IPhaseLog _log;
    private readonly ModuleStore _modules;
    private readonly DetectRuns _runs;
    private readonly List<string> _results = [];
    private bool _errored;

    private Detector(ISandbox sandbox, DetectInput input, IPhaseLog log, DetectRuns runs)
    {
        (_input, _log, _runs) = (input, log, runs);
        _modules = new ModuleStore(sandbox.Files, input.Environment.BuildpacksDirectory, input.Environment.ExtensionsDirectory);
    }

    /// <summary>Runs the phase.</summary>
    /// <exception cref="LifecycleException">
    /// 20 nobody passed, 21 nobody passed and some errored (the message says for each group why), 12 an unsupported API, 22 something else.
    /// </exception>
    public static async Task<DetectResult> DetectAsync(ISandbox sandbox, DetectInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        using var runs = new DetectRuns(sandbox, input.Environment, input.Parallelism);
        return await new Detector(sandbox, input, log, runs).RunAsync(cancellationToken);
    }

    private async Task<DetectResult> RunAsync(CancellationToken cancellationToken)
    {
        var order = Merged();
        Verify(order);
        foreach (var candidate in new OrderExpansion(e => _modules.Find(e.Kind, e.Id, e.Version), TakesPart).Expand(order))
        {
            if (await TryAsync(candidate, cancellationToken) is { } result)
                return result;
        }
        _log.Info("======== Results ========");
        foreach (var line in _results)
            _log.Info(line);
        _log.Error("No buildpack groups passed detection.");
        if (!_errored)
            _log.Error("Please check that you are running against the correct path.");
        throw new LifecycleException(_errored ? ExitCode.DetectFailedWithErrors : ExitCode.DetectFailed, _results.Count == 0
            ? "no buildpack group passed detection: the builder's order is empty"
            : "no buildpack group passed detection:\n  " + string.Join("\n  ", _results));
    }

    private OrderFile Merged() => _input.System is { } system && !_input.Environment.PlatformApi.IsBelow("0.15")
        ? _input.Order with { Buildpacks = [.. _input.Order.Buildpacks.Select(system.Around)] }
        : _input.Order;

    /// <summary>Every module the order names must be there and speak an API we know, before anything runs.</summary>
    private void Verify(OrderFile order)
    {
        foreach (var element in order.Buildpacks.Concat(order.Extensions).SelectMany(g => g.Elements))
        {
            var module = _modules.Find(element.Kind, element.Id, element.Version);
            if (!SupportedApis.Contains(module.Api))
            {
                throw new LifecycleException(ExitCode.IncompatibleBuildpackApi,
                    $"{module.Kind.ToString().ToLowerInvariant()} {element} is written for Buildpack API {module.Api}; supported are {string.Join(", ", SupportedApis)}");
            }
        }
    }

    private bool TakesPart(CandidateElement element)
    {
        var (module, environment) = (element.Module, _input.Environment);
        if (!environment.PlatformApi.IsBelow("0.15") && !module.Api.IsBelow("0.12")
            && module.ExecEnv.Count > 0 && !module.ExecEnv.Contains("*") && !module.ExecEnv.Contains(environment.ExecEnv))
        {
            _log.Info($"skip: {module.Id}@{module.Version} is not for the execution environment {environment.ExecEnv}");
            return false;
        }
        // The reference runs an optional module whatever its target says (spec-facts §14 rows 1 and 2).
        if (element.Optional && !module.Fits(environment.Target))
        {
            _log.Info($"skip: {module.Id}@{module.Version} does not support {Words(environment.Target)}");
            return false;
        }
        return true;
    }

    private async Task<DetectResult?> TryAsync(IReadOnlyList<CandidateElement> candidate, CancellationToken cancellationToken)
    {
        var runs = await Task.WhenAll(candidate.Select(e => e.Module.Fits(_input.Environment.Target)
            ? _runs.Of(e.Module, cancellationToken)
            : Task.FromResult(DetectRun.Refused($"does not support {Words(_input.Environment.Target)}"))));
        var passed = new List<PlanCandidate>();
        var lines = new List<string>();
        var failed = false;
        foreach (var (element, run) in candidate.Zip(runs))
        {
            var name = $"{element.Module.Id}@{element.Module.Version}";
            Report(name, run);
            lines.Add(Verdict(name, element.Optional, run));
            if (run.Passed)
                passed.Add(new PlanCandidate(element.Module.ToElement(), element.Optional, run.Options));
            else
                failed |= !element.Optional;
            _errored |= run.Errored && !element.Optional;
        }
        if (!failed && passed.TrueForAll(p => p.Element.Kind != ModuleKind.Buildpack))
        {
            lines.Add("fail: no viable buildpacks in group");
            failed = true;
        }
        if (!failed)
        {
            var resolver = new PlanResolver(passed);
            if (resolver.Resolve() is { } resolution)
                return Succeed(candidate.Count, resolution);
            lines.AddRange(resolver.Messages);
        }
        _results.AddRange(lines);
        return null;
    }

    private DetectResult Succeed(int candidates, Resolution resolution)
    {
        if (resolution.Elements.Count < candidates)
            _log.Info($"{resolution.Elements.Count} of {candidates} buildpacks participating");
        foreach (var element in resolution.Elements)
            _log.Info($"{element.Id} {element.Version}");
        var group = new Group(
            [.. resolution.Elements.Where(e => e.Kind == ModuleKind.Buildpack)], [.. resolution.Elements.Where(e => e.Kind == ModuleKind.Extension)]);
        return new DetectResult(group, resolution.Plan);
    }

    private void Report(string name, DetectRun run)
    {
        if (run.Output.Length == 0)
            return;
        var level = run.Errored ? PhaseLogLevel.Info : PhaseLogLevel.Debug;
        _log.Log(level, $"======== Output: {name} ========");
        foreach (var line in run.Output.TrimEnd('\n').Split('\n'))
            _log.Log(level, line);
    }

    private static string Verdict(string name, bool optional, DetectRun run) => run switch
    {
        { Passed: true } => $"pass: {name}",
        { Errored: true } => $"err:  {name} ({run.Code}){(run.Error is null ? "" : ": " + run.Error)}",
        _ => optional ? $"skip: {name}" : $"fail: {name}",
    };

    private static string Words(Target target) =>
        $"{target.Os}/{target.Arch}{(target.Variant is null ? "" : "/" + target.Variant)}{(target.DistroName is null ? "" : $" {target.DistroName} {target.DistroVersion}")}";
}
