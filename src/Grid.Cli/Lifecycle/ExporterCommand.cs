using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Lifecycle;

namespace Grid.Cli.Lifecycle;

/// <summary><c>exporter</c> (platform.md §exporter): makes an image of what the build left, and fills the cache.</summary>
internal sealed class ExporterCommand : IPhaseCommand
{
    public string Name => "exporter";

    public string Verb => "export";

    public ExitCode Failure => ExitCode.ExportError;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.Analyzed, PhaseFlags.App, PhaseFlags.CacheDirectory, PhaseFlags.CacheImage, PhaseFlags.Daemon, PhaseFlags.Group, PhaseFlags.GroupId,
        PhaseFlags.LaunchCache, PhaseFlags.Launcher, PhaseFlags.Layers, PhaseFlags.Parallel, PhaseFlags.ProcessType, PhaseFlags.ProjectMetadata,
        PhaseFlags.Report, PhaseFlags.RunImage, PhaseFlags.RunImageOld, PhaseFlags.UserId,
        .. api >= new ApiVersion(0, 11) ? (PhaseFlag[])[PhaseFlags.LauncherSbom] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Extended, PhaseFlags.Layout, PhaseFlags.LayoutDirectory, PhaseFlags.Run] : [PhaseFlags.Stack],
        .. api >= new ApiVersion(0, 13) ? (PhaseFlag[])[PhaseFlags.InsecureRegistries] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.IsGiven(PhaseFlags.RunImage) || inputs.IsGiven(PhaseFlags.RunImageOld))
        {
            throw new LifecycleException(ExitCode.InvalidArgs,
                $"{(inputs.IsGiven(PhaseFlags.RunImage) ? "-run-image" : "-image")} is unsupported: the run image is the one analyzed.toml names");
        }
        if (inputs.Get(PhaseFlags.CacheImage).Length == 0 && inputs.Get(PhaseFlags.CacheDirectory).Length == 0)
            log.Warn("No cached data will be used, no cache specified.");
        if (!inputs.Get(PhaseFlags.Daemon) && inputs.Get(PhaseFlags.LaunchCache).Length > 0)
            log.Warn("Ignoring -launch-cache, only intended for use with -daemon");
        else if (inputs.Get(PhaseFlags.LaunchCache).Length > 0)
            log.Debug("-launch-cache is not used: layers that stay the same are read from the engine's previous image");
        await new ExportCall(inputs, log).RunAsync(cancellationToken);
    }
}
