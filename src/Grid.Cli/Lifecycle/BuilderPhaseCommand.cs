using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;
using Grid.Lifecycle;
using Grid.Lifecycle.Build;
using Grid.Lifecycle.Detect;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary><c>builder</c> (platform.md §builder): runs the group's buildpacks.</summary>
internal sealed class BuilderPhaseCommand : IPhaseCommand
{
    public string Name => "builder";

    public string Verb => "build";

    public ExitCode Failure => ExitCode.Failed;

    public IEnumerable<PhaseFlag> Flags(ApiVersion api) =>
    [
        PhaseFlags.App, PhaseFlags.Buildpacks, PhaseFlags.Group, PhaseFlags.Layers, PhaseFlags.Plan, PhaseFlags.Platform,
        .. api >= new ApiVersion(0, 11) ? (PhaseFlag[])[PhaseFlags.BuildConfig] : [],
        .. api >= new ApiVersion(0, 12) ? (PhaseFlag[])[PhaseFlags.Analyzed] : [],
    ];

    public async Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (inputs.Arguments.Count > 0)
            throw new LifecycleException(ExitCode.InvalidArgs, $"failed to parse arguments: received unexpected arguments: {string.Join(' ', inputs.Arguments)}");
        if (InPlace.User().UserId == 0)
            throw new LifecycleException(ExitCode.Failed, "refusing to run as root; run it as the user of CNB_USER_ID");
        await using var sandbox = InPlace.Sandbox();
        await BuildAsync(sandbox, inputs, environment => environment, log, cancellationToken);
    }

    /// <summary>Builds from group.toml, plan.toml and analyzed.toml; the layers and config/metadata.toml stay in the layers directory.</summary>
    /// <param name="sandbox">Where buildpacks run.</param>
    /// <param name="inputs">The phase's call.</param>
    /// <param name="adapt">Changes as whom and with which variables buildpacks run.</param>
    /// <param name="log">Takes lines and output.</param>
    /// <param name="cancellationToken">Ends a running buildpack.</param>
    internal static async Task BuildAsync(
        ISandbox sandbox, PhaseInputs inputs, Func<PhaseEnvironment, PhaseEnvironment> adapt, IPhaseLog log, CancellationToken cancellationToken)
    {
        var group = PhaseGroup.Read(inputs);
        var planPath = inputs.Get(PhaseFlags.Plan);
        if (!File.Exists(planPath))
            throw new LifecycleException(ExitCode.Failed, $"failed to read plan file: there is no {planPath}; run the detector first");
        var plan = GroupFiles.ReadPlan(InPlace.Files, planPath);
        var analyzed = InPlace.ReadAnalyzed(inputs, log);
        var environment = adapt(InPlace.Environment(inputs, OsRelease.Complete(analyzed.RunImage?.Target, InPlace.Files, log)));
        try
        {
            await BuildPhase.RunAsync(sandbox, new BuildInput(environment, group, plan), log, cancellationToken);
        }
        catch (LifecycleException missing) when (missing.ExitCode == ExitCode.Failed)
        {
            throw new LifecycleException(ExitCode.BuildError, missing.Message, missing);
        }
    }
}
