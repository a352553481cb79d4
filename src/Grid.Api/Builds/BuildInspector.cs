using Grid.Api.Problems;
using Grid.Buildpacks;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Lifecycle;

namespace Grid.Api.Builds;

/// <summary>What a build consists of. Used by routes and pages; nothing of it reads the build's journal, however long that is.</summary>
public sealed class BuildInspector(BuildDesk desk, IGrainFactory grains, IBuildArtifacts artifacts)
{
    /// <summary>What is known of a build by now, or 404.</summary>
    public async Task<BuildDetailsResource> GetAsync(string tenant, string build)
    {
        await desk.FindAsync(tenant, build);
        var key = BuildDesk.KeyOf(tenant, build);
        var grain = grains.GetGrain<IBuildGrain>(key);
        var details = await grain.GetDetailsAsync() ?? throw ApiException.NotFound();
        var status = await grain.GetStatusAsync();
        var steps = details.Dockerfiles.Length == 0 ? [] : await Task.WhenAll(
            details.Dockerfiles.Select(d => d.Kind).Distinct().Select(kind => grains.GetGrain<IExtenderGrain>(ExtenderKeys.Of(key, kind)).GetStepsAsync()));
        return Describe(details, status, [.. steps.SelectMany(s => s)]);
    }

    /// <summary>The files that a build left, sorted by name, or 404.</summary>
    public async Task<IReadOnlyList<ArtifactFile>> ArtifactsAsync(string tenant, string build, CancellationToken cancellationToken)
    {
        await desk.FindAsync(tenant, build);
        var key = BuildDesk.KeyOf(tenant, build);
        var details = await grains.GetGrain<IBuildGrain>(key).GetDetailsAsync() ?? throw ApiException.NotFound();
        return await artifacts.ReadAllAsync(key, details, cancellationToken);
    }

    private static BuildDetailsResource Describe(BuildDetails details, BuildStatus status, StepStatus[] steps) => new()
    {
        Builder = details.Builder,
        RunImage = details.RunImage,
        Group = details.Group is { } group ? new GroupResource([.. group.Buildpacks.Select(Module)], [.. group.Extensions.Select(Module)]) : null,
        Plan = details.Plan is { } plan ? [.. plan.Entries.Select(e => new PlanEntryResource(
            [.. e.Providers.Select(p => new ModuleResource(p.Id, p.Version))], [.. e.Requires.Select(r => new RequirementResource(r.Name, r.MetadataToml))]))] : null,
        Dockerfiles = [.. details.Dockerfiles.Select(d => Dockerfile(d, steps))],
        Layers = [.. details.Layers.Select(l => new LayerResource { Origin = l.Origin, Name = l.Name, CreatedBy = l.CreatedBy, DiffId = l.DiffId, Size = l.Size, Reused = l.Reused })],
        Phases = [.. details.Times.Select((time, phase) => new PhaseResource((Phase)phase, status.Phases[phase]) { StartedAt = time.StartedAt, FinishedAt = time.FinishedAt }).Where(p => p.StartedAt is not null)],
        TraceId = details.TraceId,
    };

    private static ModuleResource Module(GroupElement module) => new(module.Id, module.Version) { Homepage = module.Homepage };

    private static DockerfileResource Dockerfile(ExtensionDockerfileSource source, StepStatus[] steps) => new()
    {
        Extension = source.ExtensionId,
        Version = source.ExtensionVersion,
        Kind = source.Kind,
        File = source.FileName,
        Text = source.Text,
        Args = [.. source.Args.Select(a => new ArgumentResource(a.Name, a.Value))],
        Steps = [.. steps.Where(s => s.Step.Kind == source.Kind && s.Step.Extension == source.ExtensionId && s.Step.File == source.FileName).OrderBy(s => s.Step.Number).Select(s => new StepResource
        {
            Line = s.Step.Line, Number = s.Step.Number, Text = s.Step.Text, State = s.State, Source = s.Source, StartedAt = s.StartedAt, FinishedAt = s.FinishedAt, Miss = s.Miss,
            DiffId = s.DiffId, Size = s.Size,
        })],
    };
}
