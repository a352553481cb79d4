using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Descriptors;
using Grid.Dockerfiles;
using Grid.Lifecycle;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Extend;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary>
/// <c>creator</c> (platform.md §creator): all phases of a build in one process. Extensions may change the build image, which is where it runs, and switch the run
/// image (row 30); one that changes the run image needs a container of that image.
/// </summary>
internal sealed class CreatorCommand : IPhaseCommand
{
    public string Name => "creator";

    public string Verb => "create";

    public ExitCode Failure => ExitCode.Failed;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.App, PhaseFlags.Buildpacks, PhaseFlags.CacheDirectory, PhaseFlags.CacheImage, PhaseFlags.Daemon, PhaseFlags.GroupId, PhaseFlags.LaunchCache,
        PhaseFlags.Launcher, PhaseFlags.Layers, PhaseFlags.Order, PhaseFlags.Parallel, PhaseFlags.Platform, PhaseFlags.PreviousImage, PhaseFlags.ProcessType,
        PhaseFlags.ProjectMetadata, PhaseFlags.Report, PhaseFlags.RunImage, PhaseFlags.SkipRestore, PhaseFlags.Stack, PhaseFlags.Tags, PhaseFlags.UserId,
        .. api >= new ApiVersion(0, 10) ? (PhaseFlag[])[PhaseFlags.BuildImage, PhaseFlags.Extensions, PhaseFlags.Generated] : [],
        .. api >= new ApiVersion(0, 11) ? (PhaseFlag[])[PhaseFlags.BuildConfig, PhaseFlags.LauncherSbom] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Layout, PhaseFlags.LayoutDirectory, PhaseFlags.Run] : [],
        .. api >= new ApiVersion(0, 13) ? (PhaseFlag[])[PhaseFlags.InsecureRegistries] : [],
        .. api >= new ApiVersion(0, 15) ? (PhaseFlag[])[PhaseFlags.System] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.Arguments.Count != 1)
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to parse arguments: received {inputs.Arguments.Count} arguments, but expected 1: the image");
        if (inputs.Get(PhaseFlags.CacheImage).Length == 0 && inputs.Get(PhaseFlags.CacheDirectory).Length == 0)
            log.Warn("No cached data will be used, no cache specified.");
        if (UserOf(inputs).UserId == 0)
            throw new LifecycleException(ExitCode.Failed, "refusing to run buildpacks as root; name the build image's user with -uid and -gid");
        PhaseOwner.Take(inputs, inputs.Get(PhaseFlags.CacheDirectory));
        using var images = PhaseImages.Of(inputs);
        log.Info("===> ANALYZING");
        var analyzed = await AnalyzerCommand.AnalyzeAsync(inputs, images, log, cancellationToken);

        log.Info("===> DETECTING");
        await using var sandbox = InPlace.Sandbox();
        var environment = InPlace.Environment(inputs, OsRelease.Complete(analyzed.RunImage?.Target, InPlace.Files, log));
        await DetectorCommand.DetectAsync(sandbox, AsUser(inputs, environment, null), inputs, analyzed, log, cancellationToken);
        var group = PhaseGroup.Read(inputs);
        analyzed = InPlace.ReadAnalyzed(inputs, log);

        log.Info("===> RESTORING");
        analyzed = await PrepareExtensionsAsync(inputs, images, group, analyzed, log, cancellationToken);
        await RestorerCommand.RestoreAsync(inputs, images, analyzed, group, log, cancellationToken);

        var extended = await ExtendAsync(inputs, group, analyzed, log, cancellationToken);
        log.Info("===> BUILDING");
        await BuilderPhaseCommand.BuildAsync(sandbox, inputs, e => AsUser(inputs, e, extended), log, cancellationToken);

        log.Info("===> EXPORTING");
        await new ExportCall(inputs, log).RunAsync(cancellationToken);
    }

    private static async Task<AnalyzedFile> PrepareExtensionsAsync(
        PhaseInputs inputs, PhaseImages images, Group group, AnalyzedFile analyzed, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (group.Extensions.Count == 0)
            return analyzed;
        if (analyzed.RunImage?.Extend == true)
        {
            throw new LifecycleException(ExitCode.DetectError,
                "the detected extensions change the run image, which the creator cannot do: it runs in the build image; call the phases one by one, with the extender in a container of the run image");
        }
        if (OwnsRoot(inputs))
            Directory.CreateDirectory(KanikoDirectory.Path);
        analyzed = await new ImagesToExtend(inputs, images, log).PrepareAsync(analyzed, group, cancellationToken);
        InPlace.Write(inputs.Get(PhaseFlags.Analyzed), analyzed.Write(), PhaseReport.Owner(inputs));
        return analyzed;
    }

    private static async Task<ExtendedImage?> ExtendAsync(PhaseInputs inputs, Group group, AnalyzedFile analyzed, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (!group.Extensions.Any(e => GeneratedDockerfiles.Has(inputs, e, ImageKind.Build)))
            return null;
        if (analyzed.BuildImage is null)
            throw new LifecycleException(ExitCode.ExtendError, "the detected extensions change the build image: name the image the creator runs in with CNB_BUILD_IMAGE");
        log.Info("===> EXTENDING");
        return await new ExtendCall(inputs, ImageKind.Build, log).ExtendAsync(analyzed.BuildImage, group.Extensions, cancellationToken);
    }

    private static bool OwnsRoot(PhaseInputs inputs) => PhaseReport.Owner(inputs) is not null;

    private static ProcessUser UserOf(PhaseInputs inputs) =>
        InPlace.User() is { UserId: not 0 } own ? own : new ProcessUser(inputs.Get(PhaseFlags.UserId), inputs.Get(PhaseFlags.GroupId));

    private static PhaseEnvironment AsUser(PhaseInputs inputs, PhaseEnvironment environment, ExtendedImage? extended) =>
        InPlace.User().UserId != 0 ? environment : ExtenderCommand.AsUser(environment, extended, UserOf(inputs));
}
