using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Build;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Rebase;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Does one piece of work: calls the phase in Grid.Lifecycle with this node's sandbox, content store and directories.</summary>
public sealed class WorkRunner(
    ISandboxRuntime sandboxes, ContentStore content, ImageStores images, BuildDirectories builds, SurvivingWorkTable survivors, IBuildEvents events, WorkerOptions options, NodeResources node, TenantVault vault,
    IBuildArtifacts artifacts, IGrainFactory grains, TimeProvider time)
{
    private readonly ISandboxRuntime _sandboxes = options.Bound(sandboxes);
    private static readonly string Version = typeof(WorkRunner).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>Name of the work's span.</summary>
    internal static string NameOf(WorkItem item) => item switch
    {
        StepWork => "run step",
        FetchWork => "fetch",
        _ => item.GetType().Name.Replace("Work", "", StringComparison.Ordinal).ToLowerInvariant(),
    };

    /// <summary>Does the work and gives its result; what goes wrong is thrown. What was printed on the way can be read by everybody then.</summary>
    internal async Task<WorkResult> RunAsync(WorkItem item, Activity? span, CancellationToken cancellationToken)
    {
        try
        {
            return await (await ForTenantAsync(item.Tenant, cancellationToken)).DoAsync(item, span, cancellationToken);
        }
        finally
        {
            await FlushAsync(item.BuildKey);
        }
    }

    private async Task FlushAsync(string buildKey)
    {
        try
        {
            await events.FlushAsync(buildKey, CancellationToken.None);
        }
        catch (IOException)
        {
            // The journal keeps the lines, goes on trying and has said so in the log. What the work has done is not thrown away for it.
        }
    }

    /// <summary>This runner as it works for a tenant: with the tenant's logins at registries, and within its bounds as they are now.</summary>
    private async Task<WorkRunner> ForTenantAsync(string tenant, CancellationToken cancellationToken)
    {
        var own = await vault.ImagesAsync(tenant, cancellationToken);
        var bounded = options.HasTenants && await Question.AskAsync(() => grains.GetGrain<ITenantGrain>(tenant).GetAsync(), time, cancellationToken) is { Settings: var settings } ? options.Within(settings) : options;
        if (ReferenceEquals(own, images) && bounded == options)
            return this;
        return new WorkRunner(sandboxes, content, own, builds, survivors, events, bounded, node, vault, artifacts, grains, time);
    }

    private async Task<WorkResult> DoAsync(WorkItem item, Activity? span, CancellationToken cancellationToken) => item switch
    {
        AnalyzeWork work => await AnalyzeAsync(work, cancellationToken),
        PinWork work => new PinDone(await PinAsync(work, cancellationToken)),
        DetectWork work => new DetectDone(await new DetectRunner(_sandboxes, content, images, builds, options, vault).RunAsync(work, Output(item, Phase.Detect), cancellationToken)),
        RestoreWork work => await RestoreAsync(work, cancellationToken),
        StepWork work => await AgainIfAbandonedAsync(() => StepAsync(work, span, cancellationToken), () => { }),
        FetchWork work => await FetchAsync(work, cancellationToken),
        BuildWork work => await AgainIfAbandonedAsync(() => BuildAsync(work, cancellationToken), builds.Open(work.BuildKey).Reset),
        ExportWork work => await ExportAsync(work, cancellationToken),
        PublishWork work => await PublishAsync(work, cancellationToken),
        RebaseWork work => await RebaseAsync(work, cancellationToken),
        _ => throw new InvalidOperationException($"no such work: {item.GetType().Name}"),
    };

    /// <summary>Work whose sandbox outlived a silo, but not until its end, is done from the beginning.</summary>
    private static async Task<WorkResult> AgainIfAbandonedAsync(Func<Task<WorkResult>> run, Action reset)
    {
        try
        {
            return await run();
        }
        catch (SandboxAbandonedException)
        {
            reset();
            return await run();
        }
    }

    private async Task<WorkResult> AnalyzeAsync(AnalyzeWork work, CancellationToken cancellationToken)
    {
        var log = Output(work, Phase.Analyze);
        var analyzed = await Analyzer.AnalyzeAsync(images, new AnalyzeInput
        {
            Builder = ImageLocation.Parse(work.Builder),
            Targets = [.. work.Targets.Select(ImageLocation.Parse)],
            RunImage = work.RunImage is null ? null : ImageLocation.Parse(work.RunImage),
            PreviousImage = work.PreviousImage is null ? null : ImageLocation.Parse(work.PreviousImage),
            Platform = HostPlatform.Current,
        }, log, cancellationToken);
        var source = work.Origin is { } origin ? await new SourceRunner(content, images, options, node, vault).FetchAsync(work, origin, log, cancellationToken) : null;
        return new AnalyzeDone(analyzed) { Source = source };
    }

    private async Task<PinnedExtension> PinAsync(PinWork work, CancellationToken cancellationToken)
    {
        var image = await Analyzer.PinAsync(images, ImageLocation.Parse(work.Extension.Base), [.. work.Targets.Select(ImageLocation.Parse)], HostPlatform.Current, cancellationToken);
        return new PinnedExtension(image, [.. work.Extension.Dockerfiles.Select(given => new ExtensionDockerfileSource
        {
            ExtensionId = given.Extension, ExtensionVersion = "", Kind = work.Extension.Kind, Text = given.Text, FileName = given.FileName, Args = given.Args,
            Context = given.Context is { } archive ? ContextStore.Index(content, archive, cancellationToken) : BuildContext.Empty,
        })]);
    }

    private async Task<WorkResult> RestoreAsync(RestoreWork work, CancellationToken cancellationToken)
    {
        var build = builds.Open(work.BuildKey);
        // Buildpacks that are to begin anew must not find what those before them are still writing.
        if (await survivors.EndAsync(work.BuildKey, identity => WorkIdentity.PhaseOf(identity) == Phase.Build))
            build.Reset();
        var blobs = work.Analyzed.Previous is { } previous ? new StoredBlobs(content, Origin(previous.Location)) : (IBlobSource)content;
        await Restorer.RestoreAsync(build.Files(), blobs, new RestoreInput
        {
            Environment = Phases.Environment(work.Analyzed, work.Analyzed.Builder.Config),
            Group = work.Group,
            Previous = work.Analyzed.PreviousMetadata,
            PreviousImage = work.Analyzed.Previous,
            Cache = work.Cache,
        }, Output(work, Phase.Restore), cancellationToken);
        return new RestoreDone();
    }

    private async Task<WorkResult> StepAsync(StepWork work, Activity? span, CancellationToken cancellationToken)
    {
        span?.SetTag("grid.step", work.Input.Label);
        foreach (var url in work.Input.Step is CopyStep copy ? copy.Urls : [])
            EnsureNetwork(work.Input.Label, url, work.Tenant);
        using var urls = options.Destinations is { } list ? node.Urls.Within(list) : null;
        var asked = work.Input.Step is RunStep run ? run.Mounts.Where(m => m.Kind == RunMountKind.Secret).Select(m => m.Id).ToHashSet(StringComparer.Ordinal) : [];
        var secrets = await vault.ForStepAsync(work.BuildKey, work.Tenant, asked, cancellationToken);
        var output = Output(work, work.Name.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun);
        using var outliving = survivors.Begin(work.BuildKey);
        var executor = new StepExecutor(_sandboxes, content, options.SandboxLimits, node.For(work.BuildKey, new ContextStore(content, builds.Open(work.BuildKey).Contexts), secrets, urls))
        {
            TimeLimit = options.StepTimeout,
            Identity = IdentityOf(work),
            Created = sandbox => FollowAsync(output, outliving, sandbox, cancellationToken),
        };
        var result = await executor.RunAsync(BuildDirectory.SandboxHandle(work.Handle), work.Input, Origins([work.Input.BaseLocation, .. work.Input.Origins]), output, cancellationToken);
        span?.SetTag("grid.layer", result.Layer?.DiffId.ToString());
        return new StepDone(result.Layer) { Packages = result.Packages, RootUsers = result.RootUsers?.ToArray() };
    }

    private static Task FollowAsync(PhaseOutput output, SurvivingWorkTable.Outlived outliving, ISandbox sandbox, CancellationToken cancellationToken)
    {
        if (sandbox.Life is not null)
            outliving.Note();
        return output.FollowAsync(sandbox.Life, cancellationToken);
    }

    private async Task<WorkResult> FetchAsync(FetchWork work, CancellationToken cancellationToken)
    {
        try
        {
            using var urls = options.Destinations is { } list ? node.Urls.Within(list) : null;
            var fetched = new List<FetchedUrl>();
            foreach (var url in work.Urls)
                EnsureNetwork(work.Label, url, work.Tenant);
            foreach (var url in work.Urls)
                fetched.Add(await (urls ?? node.Urls).FetchAsync(url, expected: null, cancellationToken));
            return new FetchDone([.. fetched]);
        }
        catch (FormatException e)
        {
            throw new StepFailedException($"{work.Label}: {e.Message}");
        }
    }

    private void EnsureNetwork(string label, string url, string tenant)
    {
        if (!options.AllowsNetwork)
            throw new StepFailedException($"{label}: {url} may not be fetched: the builds of tenant {tenant} have no network (egress None); put the file into the build context, or ask an operator to open it");
    }

    private async Task<WorkResult> BuildAsync(BuildWork work, CancellationToken cancellationToken)
    {
        var log = Output(work, Phase.Build);
        var analyzed = work.Detection.Analyzed;
        var environment = Phases.Environment(analyzed, work.BuildImage.Config);
        var build = builds.Open(work.BuildKey);
        using var outliving = survivors.Begin(work.BuildKey);
        using var platform = PrivatePlatform.Create(options.BuildsDirectory, await vault.ForBuildpacksAsync(work.Tenant, cancellationToken), work.Environment, environment);
        // What only the tenant's own may see goes with this process; buildpacks cannot go on without it.
        var identity = !platform.HasSecrets && !platform.Volumes.Any() ? IdentityOf(work) : null;
        // Another version of Grid may name the same work otherwise: then nobody can say that it is the same.
        if (await survivors.EndAsync(work.BuildKey, other => other != identity && WorkIdentity.PhaseOf(other) == Phase.Build))
            build.Reset();
        await build.PrepareAsync(content, work.Source, analyzed.User, work.Environment, cancellationToken);
        await using var sandbox = await _sandboxes.CreateAsync(
            new SandboxSpec(BuildDirectory.SandboxHandle(work.Handle), work.BuildImage.AllLayers(), Origins([analyzed.Builder.Location, .. work.BuildImage.Added.Select(a => a.Origin).OfType<string>()]))
            {
                Volumes = [.. build.Volumes(environment, appReadOnly: false), .. platform.Volumes],
                Limits = options.SandboxLimits,
                Identity = identity,
                HasSecrets = platform.HasSecrets,
            }, cancellationToken);
        await FollowAsync(log, outliving, sandbox, cancellationToken);
        if (sandbox.Files.Stat("/cnb/lifecycle/launcher") is null && !File.Exists(options.Launcher))
            throw new LifecycleException(ExitCode.ExportError, $"there is no launcher: the builder brings none, and {options.Launcher} is missing; run deploy/install.sh, or set GRID_LAUNCHER");
        var metadata = await BuildPhase.RunAsync(sandbox, new BuildInput(environment, work.Detection.Group, work.Detection.Plan), log, cancellationToken);
        var app = await LayerPacker.PackAsync(sandbox.Files, content, new PackInput
        {
            Environment = environment,
            Group = work.Detection.Group,
            Build = metadata,
            Previous = analyzed.PreviousMetadata,
            PreviousImage = analyzed.Previous,
            LauncherPath = options.Launcher,
            OwnLauncher = new LauncherMetadata { Version = Version },
        }, log, cancellationToken);
        await Leavings(work, log).KeepAsync(sandbox.Files, environment, cancellationToken);
        return new BuildDone(app);
    }

    private async Task<WorkResult> ExportAsync(ExportWork work, CancellationToken cancellationToken)
    {
        var log = Output(work, Phase.Export);
        var extended = work.RunImage.Added.Count > 0 || work.RunImage.Rebasable is not null;
        var environment = Phases.Environment(work.Detection.Analyzed, work.Detection.Analyzed.Builder.Config);
        var sbom = new ExtensionSbomInput(environment.LayersDirectory, new Owner(environment.User.UserId, environment.User.GroupId), work.Detection.Analyzed.Previous);
        var app = await ExtensionSbomLayer.MergeAsync(work.App, work.Packages, sbom, content, Origins(work.App.Layers.Select(l => l.Origin).OfType<string>()), cancellationToken);
        var targets = work.Targets.Select(ImageLocation.Parse).ToList();
        var image = AppImage.Assemble(new AssembleInput
        {
            Environment = environment,
            RunImage = work.Detection.Analyzed.RunImage,
            RunImageNames = work.Detection.Analyzed.RunImageMetadata,
            App = app,
            ExtensionLayers = [.. work.RunImage.Added.Select(a => new ExtensionLayer(a.Layer, a.CreatedBy, a.ExtensionId) { Origin = a.Origin })],
            ExtendedConfig = extended ? work.RunImage.Config.Config : null,
            Rebasable = work.RunImage.Rebasable,
            ProcessType = work.DefaultProcess,
            Created = work.SourceDateEpoch is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null,
            ExtraLabels = work.Labels,
            ProjectMetadataToml = work.ProjectMetadata,
            OciMediaTypes = targets.Any(target => target is ImageLocation.Layout),
        }, content, images, log);
        var report = await Exporter.ExportAsync(await MayNameAsync(work, work.Targets, cancellationToken), image, targets, log, cancellationToken);
        report.EnsureComplete();
        await Leavings(work, log).KeepAsync(report, work.Packages, cancellationToken);
        return new ExportDone(report);
    }

    private async Task<WorkResult> PublishAsync(PublishWork work, CancellationToken cancellationToken)
    {
        var image = work.Image.ToContent(content, Origin(work.Image.Base.Location));
        var report = await Exporter.ExportAsync(await MayNameAsync(work, work.Targets, cancellationToken), image, [.. work.Targets.Select(ImageLocation.Parse)], Output(work, Phase.Export), cancellationToken);
        report.EnsureComplete();
        return new ExportDone(report);
    }

    private async Task<WorkResult> RebaseAsync(RebaseWork work, CancellationToken cancellationToken)
    {
        var log = Output(work, Phase.Export);
        var report = await Rebaser.RebaseAsync(await MayNameAsync(work, work.Targets, cancellationToken), new RebaseInput
        {
            App = ImageLocation.Parse(work.Image),
            Targets = [.. work.Targets.Select(ExportTarget.Parse)],
            RunImage = work.RunImage is { } name ? ExportTarget.Parse(name) : null,
            Force = work.Force,
            Created = work.SourceDateEpoch is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null,
            Platform = HostPlatform.Current,
        }, log, cancellationToken);
        report.EnsureComplete(ExitCode.RebaseError);
        await Leavings(work, log).KeepAsync(report, [], cancellationToken);
        return new ExportDone(report);
    }

    /// <summary>The names belong to the build's current attempt alone. A node that is not alone has to be sure of that with each of them.</summary>
    private async Task<IImageStore> MayNameAsync(WorkItem work, string[] targets, CancellationToken cancellationToken)
    {
        var build = grains.GetGrain<IBuildGrain>(work.BuildKey);
        if (options.StagesExports)
            return new FencedImages(images, new PublishPermit(build, work.Handle, time));
        return await Question.AskAsync(() => build.MayPublishAsync(work.Handle), time, cancellationToken) ? images
            : throw new LifecycleException(ExitCode.ExportError, $"{work.Handle} may not write {string.Join(", ", targets)}: the build goes on elsewhere, or was stopped");
    }

    /// <summary>Blobs of this node, and of an image for what the node has not.</summary>
    private OriginBlobs Origin(string location) => new(content, images, ImageLocation.Parse(location), HostPlatform.Current);

    /// <summary>Blobs of this node, and of several images for what the node has not.</summary>
    private IBlobSource Origins(IEnumerable<string> locations) =>
        locations.Distinct().Aggregate((IBlobSource)content, (blobs, location) => new OriginBlobs(blobs, images, ImageLocation.Parse(location), HostPlatform.Current));

    /// <summary>What work can be gone on with by, when this silo is gone; nothing with a list of destinations, for who answers for its names is gone with the silo.</summary>
    private SandboxIdentity? IdentityOf(WorkItem work) => options.Destinations is null ? WorkIdentity.Of(work) : null;

    private BuildLeavings Leavings(WorkItem item, IPhaseLog log) => new(artifacts, item.BuildKey, log);

    private PhaseOutput Output(WorkItem item, Phase phase) => new(item.BuildKey, phase, events, time);
}
