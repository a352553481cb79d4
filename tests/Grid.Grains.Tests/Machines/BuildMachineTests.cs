using CsCheck;
using Grid.Contracts.Builds;
using Grid.Grains.Machines;

namespace Grid.Grains.Tests.Machines;

public sealed class BuildMachineTests
{
    [Fact]
    [Spec("platform/build.phases")]
    public void Accept_StartsAnalyzeOnly() =>
        BuildMachine.Accept().Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Analyze)]);

    [Fact]
    [Spec("platform/build.phases")]
    public void Detect_Done_StartsRestoreAndBothExtensionsAtOnce()
    {
        var decision = Done(Phase.Analyze, Phase.Detect);

        decision.Effects.Select(e => (e.Kind, e.Phase)).ShouldBe(
            [(BuildEffectKind.Start, Phase.Restore), (BuildEffectKind.Start, Phase.ExtendBuild), (BuildEffectKind.Start, Phase.ExtendRun)]);
    }

    [Fact]
    [Spec("platform/build.phases", "buildpack/build.export", "image_extension/generate.then", "buildpack/analyze.build")]
    public void ExtendRun_StillRunning_BuildStartsButExportWaits()
    {
        var decision = Done(Phase.Analyze, Phase.Detect, Phase.Restore, Phase.ExtendBuild);

        decision.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Build)]);
        BuildMachine.PhaseEnded(decision.Progress, Phase.Build, PhaseState.Done).Effects.ShouldBeEmpty();
    }

    [Fact]
    public void ExtendRun_Fails_CancelsWhatRunsAndFailsOnceThatEnded()
    {
        var running = Done(Phase.Analyze, Phase.Detect).Progress;

        var failed = BuildMachine.PhaseEnded(running, Phase.ExtendRun, PhaseState.Failed, new Failure(102, "RUN failed"));

        failed.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Cancel, Phase.Restore), new BuildEffect(BuildEffectKind.Cancel, Phase.ExtendBuild)]);
        failed.Progress.State.ShouldBe(BuildState.Running);
        var restored = BuildMachine.PhaseEnded(failed.Progress, Phase.Restore, PhaseState.Done);
        restored.Effects.ShouldBeEmpty();
        var end = BuildMachine.PhaseEnded(restored.Progress, Phase.ExtendBuild, PhaseState.Cancelled);
        end.Progress.State.ShouldBe(BuildState.Failed);
        end.Progress.Failure.ShouldBe(new Failure(102, "RUN failed") { Phase = Phase.ExtendRun });
        end.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Finish, null)]);
    }

    [Fact]
    public void SecondFailure_IsAnEcho_TheFirstIsKept()
    {
        var progress = Done(Phase.Analyze, Phase.Detect).Progress;
        progress = BuildMachine.PhaseEnded(progress, Phase.ExtendRun, PhaseState.Failed, new Failure(102, "first")).Progress;
        progress = BuildMachine.PhaseEnded(progress, Phase.ExtendBuild, PhaseState.Failed, new Failure(102, "second")).Progress;

        progress.Failure!.Message.ShouldBe("first");
    }

    [Fact]
    public void Cancel_WhileNothingElseHappens_EndsCancelledWhenTheRunningPhaseStops()
    {
        var decision = BuildMachine.CancelRequested(BuildMachine.Accept().Progress, "interrupted");

        decision.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Cancel, Phase.Analyze)]);
        BuildMachine.PhaseEnded(decision.Progress, Phase.Analyze, PhaseState.Cancelled).Progress.State.ShouldBe(BuildState.Cancelled);
    }

    /// <summary>Whatever happens in whatever order, a build reaches exactly one end, finishes once, and never starts a phase twice.</summary>
    [Fact]
    public void AnyInterleaving_EndsOnce() => Gen.Select(Gen.Int[0, 6], Gen.Int[0, 9]).Array[60, 200].Sample(moves =>
    {
        var (progress, effects) = BuildMachine.Accept();
        var seen = effects.ToList();
        foreach (var (phase, kind) in moves)
        {
            var decision = kind switch
            {
                0 => BuildMachine.CancelRequested(progress, "somebody"),
                1 => BuildMachine.PhaseEnded(progress, (Phase)phase, PhaseState.Failed, new Failure(1, "x")),
                2 => BuildMachine.PhaseEnded(progress, (Phase)phase, PhaseState.Cancelled),
                _ => BuildMachine.PhaseEnded(progress, (Phase)phase, PhaseState.Done),
            };
            if (progress.State != BuildState.Running)
                decision.ShouldBe(new Decision(progress, decision.Effects));
            progress = decision.Progress;
            seen.AddRange(decision.Effects);
        }
        // Let what still runs end.
        foreach (var phase in Enum.GetValues<Phase>().SelectMany(p => new[] { p, p, p }).Concat(Enum.GetValues<Phase>()).Concat(Enum.GetValues<Phase>()))
        {
            var decision = BuildMachine.PhaseEnded(progress, phase, PhaseState.Done);
            progress = decision.Progress;
            seen.AddRange(decision.Effects);
        }
        progress.State.ShouldBeOneOf(BuildState.Succeeded, BuildState.Failed, BuildState.Cancelled);
        seen.Count(e => e.Kind == BuildEffectKind.Finish).ShouldBe(1);
        seen.Where(e => e.Kind == BuildEffectKind.Start).GroupBy(e => e.Phase).ShouldAllBe(g => g.Count() == 1);
        (progress.State == BuildState.Succeeded).ShouldBe(progress.Phases.All(p => p == PhaseState.Done) && progress.Failure is null && progress.CancelReason is null);
    });

    private static Decision Done(params Phase[] phases) =>
        phases.Aggregate(BuildMachine.Accept(), (decision, phase) => BuildMachine.PhaseEnded(decision.Progress, phase, PhaseState.Done));
}
