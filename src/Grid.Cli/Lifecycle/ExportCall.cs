using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Metadata;
using Grid.Hosting;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Cache;
using Grid.Lifecycle.Export;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary>One export in place: from the files of the other phases to an image, a report and a cache.</summary>
internal sealed class ExportCall(PhaseInputs inputs, IPhaseLog log)
{
    private const string RebasableLabel = "io.buildpacks.rebasable";

    /// <summary>Exports. Layers are packed into a directory of its own, which is gone afterwards.</summary>
    /// <exception cref="LifecycleException">Exit codes 1, 3, 12 and 62, as the reference's.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var images = PhaseImages.Of(inputs);
        var targets = images.Targets([.. inputs.Arguments, .. inputs.Get(PhaseFlags.Tags)]);
        var analyzed = InPlace.ReadAnalyzed(inputs, log);
        if (string.IsNullOrEmpty(analyzed.RunImage?.Reference))
            throw new LifecycleException(ExitCode.InvalidArgs, $"run image not found in analyzed metadata ({inputs.Get(PhaseFlags.Analyzed)}); run the analyzer first");
        if (inputs.Api >= new ApiVersion(0, 12) && inputs.Get(PhaseFlags.Layout))
            ExperimentalFeature.Require(inputs, "export OCI layout format", log);
        var group = PhaseGroup.Read(inputs);
        var scratch = Directory.CreateTempSubdirectory("grid-export-");
        try
        {
            await ExportAsync(images, targets, analyzed, group, new ContentStore(scratch.FullName), cancellationToken);
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    private async Task ExportAsync(
        PhaseImages images, IReadOnlyList<ExportTarget> targets, AnalyzedFile analyzed, Group group, ContentStore store, CancellationToken cancellationToken)
    {
        var run = await FindRunImageAsync(images, analyzed.RunImage!, cancellationToken);
        var previous = await FindPreviousAsync(images, analyzed, cancellationToken);
        var build = MetadataTomlReader.ReadIfExists(InPlace.Files, inputs.Get(PhaseFlags.Layers) + "/config/metadata.toml")
            ?? throw new LifecycleException(ExitCode.ExportError, $"read build metadata: there is no {inputs.Get(PhaseFlags.Layers)}/config/metadata.toml; run the builder first");
        var extended = await ReadExtendedAsync(analyzed.RunImage!, store, cancellationToken);
        var environment = Environment(run);
        var app = await LayerPacker.PackAsync(InPlace.Files, store, Packing(environment, group, build, analyzed, previous), log, cancellationToken);
        var image = AppImage.Assemble(
            new AssembleInput
            {
                Environment = environment,
                RunImage = run,
                RunImageNames = RunImageForExport.Find(inputs, analyzed.RunImage!.Image, build),
                App = app,
                ExtensionLayers = extended?.Layers ?? [],
                ExtendedConfig = analyzed.RunImage.Extend ? extended?.Config : null,
                Rebasable = extended?.Config.Labels?.GetValueOrDefault(RebasableLabel) == "true",
                ProcessType = inputs.Get(PhaseFlags.ProcessType),
                ProjectMetadataToml = ReadProjectMetadata(),
                Created = PhaseTimes.Created(inputs, log),
                OciMediaTypes = targets.Any(target => target.Location is ImageLocation.Layout),
            },
            store,
            images.Stores,
            log);
        var writing = WriteImageAsync(images, image, targets, group, cancellationToken);
        if (!inputs.Get(PhaseFlags.Parallel))
            await writing;
        await Task.WhenAll(writing, WriteCacheAsync(images, app, store, cancellationToken));
    }

    private async Task WriteImageAsync(
        PhaseImages images, ImageContent image, IReadOnlyList<ExportTarget> targets, Group group, CancellationToken cancellationToken)
    {
        var report = await Exporter.ExportAsync(images.Stores, image, targets, log, cancellationToken);
        report.EnsureComplete();
        PhaseReport.Write(inputs, report.ToToml(inputs.Api < new ApiVersion(0, 9) ? BuildBom.Read(InPlace.Files, inputs.Get(PhaseFlags.Layers), group) : null));
    }

    private async Task WriteCacheAsync(PhaseImages images, PackedApp app, ContentStore store, CancellationToken cancellationToken)
    {
        if (PhaseCache.Of(inputs, images) is not { } cache)
            return;
        await CacheExport.WriteAsync(cache, app.Cache, store, log, cancellationToken);
        var directory = inputs.Get(PhaseFlags.CacheDirectory);
        if (cache is DirectoryCache && PhaseReport.Owner(inputs) is { } owner && Directory.Exists(directory))
            InPlace.Files.ChangeOwner(directory, owner, recursive: true);
    }

    private PackInput Packing(PhaseEnvironment environment, Group group, BuildMetadata build, AnalyzedFile analyzed, PinnedImage? previous) => new()
    {
        Environment = environment,
        Group = group,
        Build = build,
        Previous = analyzed.Metadata,
        PreviousImage = previous,
        BuilderLauncherPath = inputs.Get(PhaseFlags.Launcher),
        LifecycleSbomDirectory = inputs.Api >= new ApiVersion(0, 11) ? inputs.Get(PhaseFlags.LauncherSbom) : PackInput.DefaultSbomDirectory,
        LauncherPath = new GridOptions().Launcher,
        OwnLauncher = PhaseVersion.Launcher,
        BuilderLauncher = PhaseVersion.Launcher,
        ConfigFromDisk = true,
        // A cache directory holds plain tars; compressing for it would be for nothing.
        CacheCompression = inputs.Get(PhaseFlags.CacheImage).Length == 0 ? LayerCompression.None : LayerCompression.Gzip,
    };

    private PhaseEnvironment Environment(PinnedImage run) => new()
    {
        PlatformApi = inputs.Api.ToString(),
        ImageEnv = [],
        User = new ProcessUser(inputs.Get(PhaseFlags.UserId), inputs.Get(PhaseFlags.GroupId)),
        Target = run.ToTarget(ExitCode.ExportError),
        ExecEnv = inputs.Get(PhaseFlags.ExecEnv),
        AppDirectory = inputs.Get(PhaseFlags.App),
        LayersDirectory = inputs.Get(PhaseFlags.Layers),
    };

    private static async Task<PinnedImage> FindRunImageAsync(PhaseImages images, AnalyzedRunImage run, CancellationToken cancellationToken)
    {
        var location = images.LocateIdentifier(run.Reference);
        try
        {
            var image = await images.Stores.FindAsync(location, HostPlatform.Current, cancellationToken)
                ?? throw new LifecycleException(ExitCode.Failed, $"failed to access run image {run.Reference}: not found");
            return PinnedImage.From(image, location);
        }
        catch (Exception e) when (e is ImageAccessException or ImageFormatException)
        {
            throw new LifecycleException(ExitCode.Failed, $"failed to access run image {run.Reference}: {e.Message}", e);
        }
    }

    // The image analyze found: what is still the same is taken from it.
    private async Task<PinnedImage?> FindPreviousAsync(PhaseImages images, AnalyzedFile analyzed, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(analyzed.PreviousImage))
            return null;
        var location = images.LocateIdentifier(analyzed.PreviousImage);
        if (await images.Stores.FindAsync(location, HostPlatform.Current, cancellationToken) is not { } image)
        {
            log.Warn($"Previous image '{analyzed.PreviousImage}' is gone; nothing is reused");
            return null;
        }
        log.Info($"Reusing layers from image '{analyzed.PreviousImage}'");
        return PinnedImage.From(image, location);
    }

    private async Task<ExtendedRunImage?> ReadExtendedAsync(AnalyzedRunImage run, ContentStore store, CancellationToken cancellationToken)
    {
        // As the reference: with layouts there are no extensions.
        if (inputs.Api < new ApiVersion(0, 12) || inputs.Get(PhaseFlags.Layout))
            return null;
        var directory = inputs.Get(PhaseFlags.Extended) + "/run";
        var extended = await ExtendedRunImage.ReadAsync(directory, store, cancellationToken);
        if (extended is null && run.Extend)
            throw new LifecycleException(ExitCode.Failed, $"missing extended run image: analyzed.toml says it is extended, and {directory} has none; run the extender first");
        if (extended is not null && inputs.Api < new ApiVersion(0, 13))
            ExperimentalFeature.Require(inputs, "Dockerfiles", log);
        return extended;
    }

    private string? ReadProjectMetadata()
    {
        var path = inputs.Get(PhaseFlags.ProjectMetadata);
        if (File.Exists(path))
            return File.ReadAllText(path);
        log.Debug($"No project metadata found at path \"{path}\", project metadata will not be exported");
        return null;
    }
}
