using Grid.Buildpacks;
using Grid.Buildpacks.Export;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Export;

/// <summary>Puts an app image together from digests (platform.md §exporter): no file of the build is needed any more.</summary>
public static class AppImage
{
    private const string RebasableLabel = "io.buildpacks.rebasable";
    private const string ExecEnvLabel = "io.buildpacks.exec-env";
    private const string Launcher = "/cnb/lifecycle/launcher";

    /// <summary>The finished image: run image, extension layers, the app's layers, configuration and labels.</summary>
    /// <param name="input">The parts.</param>
    /// <param name="store">The content store; it has the extensions' and the app's new layers.</param>
    /// <param name="images">Where layers of run image and previous image are read from, when the target is elsewhere.</param>
    /// <param name="log">The reference's lines.</param>
    /// <exception cref="LifecycleException">Exit code 62: an unknown process type, a broken project-metadata.toml.</exception>
    public static ImageContent Assemble(AssembleInput input, IBlobSource store, ImageStores images, IPhaseLog log)
    {
        var created = input.Created ?? LayerTimes.Normalized;
        var builder = StartFromRunImage(input, store, images, created);
        foreach (var layer in input.ExtensionLayers)
            Add(layer.Layer, layer.Origin, layer.CreatedBy);
        foreach (var layer in input.App.Layers)
            Add(layer.Layer, layer.Origin, layer.CreatedBy);
        SetEnvironment(builder, input);
        builder.Config = builder.Config with
        {
            Created = created,
            Config = builder.Config.Config with
            {
                WorkingDir = input.Environment.AppDirectory,
                Entrypoint = [EntryPoint(input, log)],
                Cmd = null,
            },
        };
        SetLabels(builder, input, log);
        return builder.Build();

        void Add(Layer layer, string? location, string createdBy)
        {
            var origin = location is null ? null : ImageLocation.Parse(location);
            var blobs = origin is null ? store : new OriginBlobs(store, images, origin, PlatformOf(input.RunImage));
            builder.AddLayer(layer, blobs, origin, History(input, createdBy, created));
        }
    }

    private static ImageBuilder StartFromRunImage(AssembleInput input, IBlobSource store, ImageStores images, DateTimeOffset created)
    {
        var pinned = input.RunImage;
        var origin = pinned.ToLocation();
        var config = pinned.Config with
        {
            Config = input.ExtendedConfig ?? pinned.Config.Config,
            History = BaseHistory(input, created),
        };
        var image = pinned.ToImage(new OriginBlobs(store, images, origin, PlatformOf(pinned))) with { Config = config };
        if (input.OciMediaTypes)
            image = image with { Manifest = image.Manifest with { MediaType = MediaTypes.OciManifest } };
        return ImageBuilder.From(image, origin);
    }

    // As the reference: an entry for each layer, changes of the configuration are left out. A base whose history does not fit its layers has none.
    private static List<HistoryEntry> BaseHistory(AssembleInput input, DateTimeOffset created)
    {
        var entries = (input.RunImage.Config.History ?? []).Where(entry => !entry.EmptyLayer).ToList();
        return HasHistory(input) && entries.Count == input.RunImage.Layers.Count
            ? entries.ConvertAll(entry => entry with { Created = created })
            : [.. input.RunImage.Layers.Select(_ => new HistoryEntry { Created = created })];
    }

    private static void SetEnvironment(ImageBuilder builder, AssembleInput input)
    {
        var environment = input.Environment;
        // Both directories, as the reference: the launcher removes them again. The specification only has the first.
        var path = builder.GetEnv("PATH");
        builder.SetEnv("PATH", "/cnb/process:/cnb/lifecycle" + (string.IsNullOrEmpty(path) ? "" : ":" + path))
            .SetEnv("CNB_LAYERS_DIR", environment.LayersDirectory)
            .SetEnv("CNB_APP_DIR", environment.AppDirectory)
            .SetEnv("CNB_PLATFORM_API", environment.PlatformApi)
            .SetEnv("CNB_DEPRECATION_MODE", "quiet");
    }

    private static void SetLabels(ImageBuilder builder, AssembleInput input, IPhaseLog log)
    {
        Set(LifecycleMetadata.Label, CompleteMetadata(input).ToLabel());
        Set(BuildLabel.Label, BuildLabel.ToLabel(input.App.Build, input.App.Launcher, input.Environment.PlatformApi));
        Set(ProjectMetadata.Label, ProjectLabel(input.ProjectMetadataToml));
        // Explicit for extended images: an inherited "true" says nothing about what the extensions did to the base.
        if (input.ExtendedConfig is not null || input.ExtensionLayers.Count > 0)
            Set(RebasableLabel, input.Rebasable == true ? "true" : "false");
        if (!input.Environment.PlatformApi.IsBelow("0.15"))
            Set(ExecEnvLabel, input.Environment.ExecEnv);
        foreach (var label in input.App.Build.Labels)
            Set(label.Key, label.Value);
        foreach (var (name, value) in input.ExtraLabels)
            Set(name, value);

        void Set(string name, string value)
        {
            log.Info($"Adding label '{name}'");
            builder.SetLabel(name, value);
        }
    }

    private static LifecycleMetadata CompleteMetadata(AssembleInput input)
    {
        var run = input.RunImage;
        var names = input.RunImageNames;
        var named = !input.Environment.PlatformApi.IsBelow("0.12") ? names : null;
        return input.App.Metadata with
        {
            RunImage = new RunImageMetadata
            {
                // Of the plain run image: extension layers stay with the app when it is rebased.
                TopLayer = run.Layers.Count == 0 ? "" : run.Layers[^1].DiffId.ToString(),
                Reference = ImageIdentifier.Of(run.ToLocation()),
                Image = string.IsNullOrEmpty(named?.Image) ? null : named.Image,
                Mirrors = named?.Mirrors is { Count: > 0 } mirrors ? mirrors : null,
            },
            Stack = new StackMetadata(names ?? new RunImageNames()),
        };
    }

    private static string ProjectLabel(string? toml)
    {
        try
        {
            return ProjectMetadata.ToLabel(toml ?? "");
        }
        catch (TomlFormatException e)
        {
            throw new LifecycleException(ExitCode.ExportError, e.Message, e);
        }
    }

    private static string EntryPoint(AssembleInput input, IPhaseLog log)
    {
        var types = input.App.Build.Processes.Select(process => process.Type).ToList();
        var wanted = string.IsNullOrEmpty(input.ProcessType) ? input.App.Build.DefaultProcessType : input.ProcessType;
        if (wanted.Length == 0)
        {
            log.Info("no default process type");
            return Launcher;
        }
        if (!types.Contains(wanted))
        {
            var there = types.Count == 0 ? "the app has no processes" : $"available: {string.Join(", ", types)}";
            throw new LifecycleException(ExitCode.ExportError, $"tried to set {wanted} to default but it doesn't exist; {there}");
        }
        log.Info($"Setting default process type '{wanted}'");
        return ProcessTypes.LinkOf(wanted);
    }

    private static HistoryEntry History(AssembleInput input, string createdBy, DateTimeOffset created) =>
        new() { Created = created, CreatedBy = HasHistory(input) ? createdBy : null };

    private static bool HasHistory(AssembleInput input) => !input.Environment.PlatformApi.IsBelow("0.12");

    private static Platform PlatformOf(PinnedImage image) =>
        new(image.Config.Os, image.Config.Architecture) { Variant = string.IsNullOrEmpty(image.Config.Variant) ? null : image.Config.Variant };
}
