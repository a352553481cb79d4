using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Order;
using Grid.Lifecycle;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Generate;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary><c>detector</c> (platform.md §detector): which group builds this app, and what do its extensions generate?</summary>
internal sealed class DetectorCommand : IPhaseCommand
{
    public string Name => "detector";

    public string Verb => "detect";

    public ExitCode Failure => ExitCode.Failed;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.App, PhaseFlags.Buildpacks, PhaseFlags.Group, PhaseFlags.Layers, PhaseFlags.Order, PhaseFlags.Plan, PhaseFlags.Platform,
        .. api >= new ApiVersion(0, 10) ? (PhaseFlag[])[PhaseFlags.Analyzed, PhaseFlags.Extensions, PhaseFlags.Generated] : [],
        .. api >= new ApiVersion(0, 11) ? (PhaseFlag[])[PhaseFlags.BuildConfig] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Run] : [],
        .. api >= new ApiVersion(0, 15) ? (PhaseFlag[])[PhaseFlags.System] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.Arguments.Count > 0)
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to parse arguments: received unexpected arguments: {string.Join(' ', inputs.Arguments)}");
        if (InPlace.User().UserId == 0)
            throw new LifecycleException(ExitCode.Failed, "refusing to run as root; run it as the user of CNB_USER_ID");
        var analyzed = InPlace.ReadAnalyzed(inputs, log);
        var target = OsRelease.Complete(analyzed.RunImage?.Target, InPlace.Files, log);
        await using var sandbox = InPlace.Sandbox();
        await DetectAsync(sandbox, InPlace.Environment(inputs, target), inputs, analyzed, log, cancellationToken);
    }

    /// <summary>Detects and, when the group has extensions, generates; writes group.toml, plan.toml and analyzed.toml.</summary>
    internal static async Task DetectAsync(
        ISandbox sandbox, PhaseEnvironment environment, PhaseInputs inputs, AnalyzedFile analyzed, IPhaseLog log, CancellationToken cancellationToken)
    {
        var input = new DetectInput(environment, ReadOrder(inputs.OrderPath), inputs.Api >= new ApiVersion(0, 15) ? ReadSystem(inputs, log) : null)
        {
            ExperimentalMode = ReadExperimentalMode(inputs),
        };
        var detected = await Detector.DetectAsync(sandbox, input, log, cancellationToken);
        InPlace.Write(inputs.Get(PhaseFlags.Group), GroupFiles.Write(detected.Group));
        InPlace.Write(inputs.Get(PhaseFlags.Plan), GroupFiles.Write(detected.Plan));
        if (detected.Group.Extensions.Count == 0)
            return;
        var runPath = inputs.Get(PhaseFlags.Run);
        var known = RunImages.ReadIfExists(InPlace.Files, runPath);
        if (known is null)
            log.Info($"No run metadata found at path \"{runPath}\"");
        var generated = await Generator.GenerateAsync(
            sandbox, new GenerateInput(environment, detected.Group, detected.Plan, analyzed.RunImage?.Image ?? "", known), log, cancellationToken);
        InPlace.Write(inputs.Get(PhaseFlags.Analyzed), After(analyzed, generated).Write());
        InPlace.Write(inputs.Get(PhaseFlags.Plan), GroupFiles.Write(generated.Plan));
    }

    // The target of an image we have not looked at is not known; the restorer fills it in.
    private static AnalyzedFile After(AnalyzedFile analyzed, GenerateResult generated)
    {
        var run = generated.SwitchedRunImage is { } name ? new AnalyzedRunImage { Reference = name, Image = name } : analyzed.RunImage;
        return analyzed with { RunImage = run is not null && generated.ExtendsRun ? run with { Extend = true } : run };
    }

    private static OrderFile ReadOrder(string path) => InPlace.Files.Stat(path) is null
        ? throw new LifecycleException(ExitCode.Failed, $"failed to initialize detector: reading order: there is no {path}; name one with -order")
        : OrderFile.Read(InPlace.Files, path);

    private static SystemFile? ReadSystem(PhaseInputs inputs, IPhaseLog log)
    {
        var path = inputs.Get(PhaseFlags.System);
        var system = SystemFile.ReadIfExists(InPlace.Files, path);
        if (system is null)
            log.Debug($"No system buildpacks found at path \"{path}\"");
        return system;
    }

    private static ExperimentalMode ReadExperimentalMode(PhaseInputs inputs) => inputs.Variable("CNB_EXPERIMENTAL_MODE") switch
    {
        null or "error" => ExperimentalMode.Error,
        "quiet" or "silent" => ExperimentalMode.Quiet,
        _ => ExperimentalMode.Warn,
    };
}
