using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Toml;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle.Detect;
using Grid.Sandbox;

namespace Grid.Lifecycle.Generate;

/// <summary>
/// The generate phase (image_extension.md §"Phase #2: Generation"): runs the extensions of the group one after another, checks what they wrote, and decides
/// which run image the app gets.
/// </summary>
public sealed class Generator
{
    private readonly ISandbox _sandbox;
    private readonly GenerateInput _input;
    private readonly IPhaseLog _log;
    private readonly ApiVersion _api;
    private readonly GeneratedFiles _files;

    private Generator(ISandbox sandbox, GenerateInput input, IPhaseLog log)
    {
        (_sandbox, _input, _log, _api) = (sandbox, input, log, input.Environment.Api);
        _files = new GeneratedFiles(sandbox.Files, input.Environment, _api);
    }

    /// <summary>Generates.</summary>
    /// <param name="sandbox">The one detect ran in, or one like it.</param>
    /// <param name="input">What detect found.</param>
    /// <param name="log">Takes the reference lifecycle's lines and the output of the extensions.</param>
    /// <param name="cancellationToken">Ends a running extension.</param>
    /// <exception cref="LifecycleException">An extension failed (91), or what it wrote cannot be used (92): extension, file and line are named.</exception>
    public static Task<GenerateResult> GenerateAsync(ISandbox sandbox, GenerateInput input, IPhaseLog log, CancellationToken cancellationToken) =>
        new Generator(sandbox, input, log).GenerateAsync(cancellationToken);

    private async Task<GenerateResult> GenerateAsync(CancellationToken cancellationToken)
    {
        var store = _input.Environment.ToModuleStore(_sandbox.Files);
        var run = new ExtensionRun(_sandbox, _input.Environment, _log);
        var plan = _input.Plan;
        _files.Clear();
        var outputs = new List<ExtensionOutput>();
        foreach (var extension in _input.Group.Extensions)
        {
            _log.Debug($"Running generate for extension {extension}");
            var asked = ModulePlan.For(plan, extension);
            outputs.Add(await OutputAsync(run, extension, store.Find(extension), asked, cancellationToken));
            plan = ModulePlan.Without(plan, asked.Select(a => a.Name).ToHashSet(StringComparer.Ordinal));
            _log.Debug($"Finished running generate for extension {extension}");
        }
        return Select(plan, outputs);
    }

    private async Task<ExtensionOutput> OutputAsync(
        ExtensionRun run, GroupElement extension, ModuleDescriptor module, IReadOnlyList<PlanRequire> asked, CancellationToken cancellationToken)
    {
        try
        {
            var directory = await run.RunAsync(extension, module, asked, cancellationToken);
            var output = ExtensionOutputReader.Read(_sandbox.Files, extension, directory, _api);
            foreach (var warning in output.Warnings)
                _log.Warn(warning);
            return output;
        }
        catch (DockerfileException problem)
        {
            throw Invalid(extension, problem);
        }
        catch (Exception problem) when (problem is TomlFormatException or IOException or InvalidDataException)
        {
            throw Invalid(extension, problem);
        }
    }

    private static LifecycleException Invalid(GroupElement extension, Exception problem) =>
        new(ExitCode.GenerateError, $"the output of extension {extension} cannot be used: {problem.Message}", problem);

    private GenerateResult Select(BuildPlan plan, List<ExtensionOutput> outputs)
    {
        _log.Debug("Checking run image");
        var selection = RunImageSelection.Choose([.. outputs.Select(o => o.Run is { } run ? new RunDockerfileEffect(run.SwitchTo, run.Extends) : null)]);
        var isNew = _api < new ApiVersion(0, 12) || selection.SwitchTo != _input.RunImageName;
        if (selection.SwitchTo is { } image)
        {
            var chosen = outputs[selection.FirstApplied].Extension;
            _log.Debug($"Found a run.Dockerfile from extension '{chosen.Id}' setting run image to '{image}'");
            if (isNew && _input.Known?.Knows(image) != true)
                _log.Warn($"new runtime base image '{image}' not found in run metadata");
        }
        _files.Write(outputs, selection.FirstApplied);
        return new GenerateResult
        {
            Plan = plan,
            Extensions = [.. outputs.Select((output, i) => output.ToGenerated(ignoreRun: i < selection.FirstApplied))],
            SwitchedRunImage = isNew ? selection.SwitchTo : null,
            ExtendsRun = selection.Extends,
        };
    }
}
