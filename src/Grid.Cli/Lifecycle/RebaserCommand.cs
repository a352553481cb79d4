using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Lifecycle;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Rebase;

namespace Grid.Cli.Lifecycle;

/// <summary><c>rebaser</c> (platform.md §rebaser): puts an app on another run image.</summary>
internal sealed class RebaserCommand : IPhaseCommand
{
    public string Name => "rebaser";

    public string Verb => "rebase";

    public ExitCode Failure => ExitCode.RebaseError;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.Daemon, PhaseFlags.GroupId, PhaseFlags.Report, PhaseFlags.RunImage, PhaseFlags.RunImageOld, PhaseFlags.UserId,
        .. api >= new ApiVersion(0, 11) ? (PhaseFlag[])[PhaseFlags.PreviousImage] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Force] : [],
        .. api >= new ApiVersion(0, 13) ? (PhaseFlag[])[PhaseFlags.InsecureRegistries] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        using var images = PhaseImages.Of(inputs);
        var targets = images.Targets(inputs.Arguments);
        var previous = inputs.Api >= new ApiVersion(0, 11) ? inputs.Get(PhaseFlags.PreviousImage) : "";
        var runImage = RunImageOf(inputs);
        var report = await Rebaser.RebaseAsync(
            images.Stores,
            new RebaseInput
            {
                PlatformApi = inputs.Api.ToString(),
                App = previous.Length > 0 ? images.Locate(previous) : targets[0].Location,
                Targets = targets,
                RunImage = runImage.Length > 0 ? new ExportTarget(runImage, images.Locate(runImage)) : null,
                Force = inputs.Api >= new ApiVersion(0, 12) && inputs.Get(PhaseFlags.Force),
                Created = PhaseTimes.Created(inputs, log),
                Platform = HostPlatform.Current,
                Locate = images.Locate,
            },
            log,
            cancellationToken);
        report.EnsureComplete(ExitCode.RebaseError);
        PhaseReport.Write(inputs, report.ToToml());
    }

    private static string RunImageOf(PhaseInputs inputs)
    {
        var old = inputs.Get(PhaseFlags.RunImageOld);
        if (old.Length > 0 && inputs.IsGiven(PhaseFlags.RunImage))
            throw new LifecycleException(ExitCode.InvalidArgs, "supply only one of -run-image or (deprecated) -image");
        return old.Length > 0 ? old : inputs.Get(PhaseFlags.RunImage);
    }
}
