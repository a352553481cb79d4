using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Environment;
using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Telemetry;
using Grid.Sandbox;

namespace Grid.Lifecycle.Detect;

/// <summary>Runs the detect of modules in a sandbox: each at most once for the whole phase, a bounded number at a time (spec-facts §1.6).</summary>
internal sealed class ModuleDetection(ISandbox sandbox, PhaseEnvironment environment, int degree, IPhaseLog log) : IDisposable
{
    private readonly Dictionary<(ModuleKind Kind, string Id, string Version), DetectRun> _finished = [];
    private readonly SemaphoreSlim _slots = new(Math.Max(1, degree));
    private readonly ModuleSurroundings _surroundings = environment.ToSurroundings(sandbox.Files);

    /// <summary>Runs those of a group that have not run before, and gives the outcomes of all in the group's order.</summary>
    public async Task<IReadOnlyList<DetectRun>> RunAsync(IReadOnlyList<Candidate> group, CancellationToken cancellationToken)
    {
        var missing = group.Where(c => !_finished.ContainsKey(Key(c))).ToList();
        var runs = await Task.WhenAll(missing.Select(c => RunAsync(c, cancellationToken)));
        foreach (var (candidate, run) in missing.Zip(runs))
            _finished[Key(candidate)] = run;
        return [.. group.Select(Outcome)];
    }

    public void Dispose() => _slots.Dispose();

    private static (ModuleKind Kind, string Id, string Version) Key(Candidate candidate) => (candidate.Module.Kind, candidate.Id, candidate.Version);

    private DetectRun Outcome(Candidate candidate)
    {
        var run = _finished[Key(candidate)];
        // The reference runs optional modules for the wrong target all the same (rows 1 and 2); a required one is an error there and here.
        return run.Verdict == DetectVerdict.OtherTarget && !candidate.Optional ? run with { Verdict = DetectVerdict.Error } : run;
    }

    private async Task<DetectRun> RunAsync(Candidate candidate, CancellationToken cancellationToken)
    {
        if (environment.Api >= new ApiVersion(0, 12) && !candidate.Module.Supports(environment.Target))
            return OtherTarget(candidate);
        await _slots.WaitAsync(cancellationToken);
        try
        {
            return await DetectAsync(candidate.Module, cancellationToken);
        }
        catch (Exception problem) when (problem is TomlFormatException or IOException or InvalidDataException)
        {
            return new DetectRun(DetectVerdict.Error) { Problem = problem.Message };
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<DetectRun> DetectAsync(ModuleDescriptor module, CancellationToken cancellationToken)
    {
        var executable = module.Directory + "/bin/detect";
        if (sandbox.Files.Stat(executable) is null)
        {
            return module.Kind == ModuleKind.Extension
                ? Passed(module, TomlFile.ReadIfExists(sandbox.Files, module.Directory + "/detect/plan.toml"), "")
                : new DetectRun(DetectVerdict.Error) { Problem = $"{executable} does not exist; a buildpack needs it" };
        }
        using var scratch = new ScratchDirectory(sandbox.Files, environment.User);
        var planPath = scratch.AddFile("plan.toml", []);
        var output = new CapturedOutput();
        var running = new RunningModule(module.Kind, module.Api, module.Directory, module.ClearEnv);
        using var span = ModuleSpan.Start(environment, module.Kind, module.Id, module.Version, "detect");
        var process = new ProcessSpec(
            [executable, environment.PlatformDirectory, planPath],
            span.AddTo(ModuleEnvironment.ForDetect(_surroundings, running, planPath)), environment.AppDirectory, environment.User) { Output = output };
        var result = await sandbox.RunAsync(process, cancellationToken);
        span.Collect(sandbox.Files, environment, log);
        if (result.StartFailure is { } failure)
            return new DetectRun(DetectVerdict.Error) { Problem = failure };
        return result.ExitCode switch
        {
            0 => Passed(module, TomlFile.ReadIfExists(sandbox.Files, planPath), output.ToString()),
            100 => new DetectRun(DetectVerdict.Fail) { ExitCode = 100, Output = output.ToString() },
            var code => new DetectRun(DetectVerdict.Error)
            {
                ExitCode = code,
                Output = output.ToString(),
                Problem = result.OutOfMemory ? "it was killed because it used more memory than is allowed" : null,
            },
        };
    }

    private static DetectRun Passed(ModuleDescriptor module, TomlTable? plan, string output)
    {
        try
        {
            return new DetectRun(DetectVerdict.Pass) { ExitCode = 0, Output = output, Plan = plan is null ? PlanFile.Empty : PlanFile.From(plan, module.Kind) };
        }
        catch (TomlFormatException problem)
        {
            return new DetectRun(DetectVerdict.Error) { Output = output, Problem = problem.Message };
        }
    }

    private DetectRun OtherTarget(Candidate candidate)
    {
        var kind = candidate.Module.Kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        var target = environment.Target;
        var image = string.Join('/', new[] { target.Os, target.Arch, target.Variant }.Where(p => !string.IsNullOrEmpty(p)))
            + (string.IsNullOrEmpty(target.DistroName) ? "" : $" ({target.DistroName} {target.DistroVersion})");
        return new DetectRun(DetectVerdict.OtherTarget)
        {
            Problem = $"unable to satisfy target os/arch constraints; run image: {image}, {kind}: {string.Join(", ", candidate.Module.Targets)}",
        };
    }
}
