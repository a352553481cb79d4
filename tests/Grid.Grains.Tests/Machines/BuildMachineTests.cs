using CsCheck;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Grains.Machines;

namespace Grid.Grains.Tests.Machines;

public sealed class BuildMachineTests
{
    private static readonly NodeSession One = new("one", "s1");
    private static readonly NodeSession Two = new("two", "s2");
    private static readonly NodeSession Three = new("three", "s3");

    [Fact]
    public void Accepted_WaitsForItsPlacement()
    {
        BuildMachine.Accept().State.ShouldBe(BuildState.Queued);
        BuildMachine.Reconcile(BuildMachine.Accept()).ShouldBeEmpty();
    }

    [Fact]
    [Spec("platform/build.phases")]
    public void Placed_StartsAnalyzeOnly() =>
        Admitted().Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Analyze)]);

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

    [Theory]
    [InlineData(Phase.Analyze, Phase.ExtendBuild, Phase.Export)]
    [InlineData(Phase.Analyze, Phase.ExtendRun, Phase.Export)]
    [InlineData(Phase.Export)]
    public void WhatIsSkipped_IsNotWaitedFor(params Phase[] phases)
    {
        var decision = BuildMachine.Placed(BuildMachine.Accept(Enum.GetValues<Phase>().Except(phases)), At(1, One, Two));
        foreach (var phase in phases)
        {
            decision.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, phase)]);
            decision = BuildMachine.PhaseEnded(decision.Progress, phase, PhaseState.Done);
        }
        decision.Progress.State.ShouldBe(BuildState.Succeeded);
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
        var decision = BuildMachine.CancelRequested(Admitted().Progress, "interrupted");

        decision.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Cancel, Phase.Analyze)]);
        BuildMachine.PhaseEnded(decision.Progress, Phase.Analyze, PhaseState.Cancelled).Progress.State.ShouldBe(BuildState.Cancelled);
    }

    [Fact]
    public void Cancel_WhileQueued_EndsAtOnce()
    {
        var decision = BuildMachine.CancelRequested(BuildMachine.Accept(), "no longer wanted");

        decision.Progress.State.ShouldBe(BuildState.Cancelled);
        decision.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Finish, null)]);
        BuildMachine.Placed(decision.Progress, At(1, One, One)).Effects.ShouldBeEmpty();
    }

    [Fact]
    public void Refused_WhileQueued_FailsWithTheReason()
    {
        var decision = BuildMachine.Refused(BuildMachine.Accept(), new Failure(1, "waited too long"));

        decision.Progress.State.ShouldBe(BuildState.Failed);
        BuildMachine.Refused(Admitted().Progress, new Failure(1, "late")).Effects.ShouldBeEmpty();
    }

    [Fact]
    public void HomeLost_WhileBuildpacksRun_RestoresAndBuildsAgainElsewhere_AndKeepsWhatIsDone()
    {
        var running = Done(Phase.Analyze, Phase.Detect, Phase.Restore, Phase.ExtendBuild).Progress;

        var moved = BuildMachine.Placed(running, At(2, Three, Two));

        moved.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Restore)]);
        moved.Progress.Attempts[(int)Phase.Restore].ShouldBe(2);
        moved.Progress[Phase.Build].ShouldBe(PhaseState.Waiting);
        moved.Progress[Phase.ExtendRun].ShouldBe(PhaseState.Running);
        moved.Progress.LostNodes.ShouldBe(["one"]);
        var again = BuildMachine.PhaseEnded(moved.Progress, Phase.Restore, PhaseState.Done);
        again.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Build)]);
        again.Progress.Attempts[(int)Phase.Build].ShouldBe(2);
    }

    [Fact]
    public void HomeLost_AfterTheBuildpacks_ExportsElsewhere()
    {
        var running = Done(Phase.Analyze, Phase.Detect, Phase.Restore, Phase.ExtendBuild, Phase.ExtendRun, Phase.Build).Progress;

        var moved = BuildMachine.Placed(running, At(2, Three, Two));

        moved.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Export)]);
        moved.Progress.Attempts[(int)Phase.Export].ShouldBe(2);
    }

    [Fact]
    public void RunNodeLost_MovesTheRunExtensionOnly()
    {
        var moved = BuildMachine.Placed(Done(Phase.Analyze, Phase.Detect).Progress, At(2, One, One));

        moved.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.ExtendRun)]);
        moved.Progress.LostNodes.ShouldBe(["two"]);
    }

    [Fact]
    public void NoNodeFree_WaitsAndGoesOnWhenThereIsOne()
    {
        var homeless = BuildMachine.Placed(Admitted().Progress, At(2, null, Two));
        homeless.Effects.ShouldBeEmpty();
        homeless.Progress[Phase.Analyze].ShouldBe(PhaseState.Waiting);

        BuildMachine.Placed(homeless.Progress, At(3, Three, Two)).Effects.ShouldBe([new BuildEffect(BuildEffectKind.Start, Phase.Analyze)]);
    }

    [Fact]
    public void Placement_RepeatedOrOlder_ChangesNothing()
    {
        var moved = BuildMachine.Placed(Admitted().Progress, At(2, Three, Two)).Progress;

        BuildMachine.Placed(moved, At(2, One, Two)).ShouldBe(new Decision(moved, []), new SameDecision());
        BuildMachine.Placed(moved, At(1, One, Two)).ShouldBe(new Decision(moved, []), new SameDecision());
    }

    [Fact]
    public void ThreeNodesLost_FailsAndNamesThem()
    {
        var progress = Admitted().Progress;
        progress = BuildMachine.Placed(progress, At(2, Two, Two)).Progress;
        progress = BuildMachine.Placed(progress, At(3, Three, Three)).Progress;
        var end = BuildMachine.Placed(progress, At(4, One, One));

        end.Progress.State.ShouldBe(BuildState.Failed);
        end.Progress.Failure!.Message.ShouldContain("(one, two, three)");
        end.Effects.ShouldBe([new BuildEffect(BuildEffectKind.Finish, null)]);
    }

    [Fact]
    public void HandedOver_CountsAsNobodysFailure()
    {
        var progress = Admitted().Progress;
        for (var number = 2; number < 10; number++)
            progress = BuildMachine.Placed(progress, At(number, number % 2 == 0 ? Two : Three, Two) with { HandedOver = true }).Progress;

        progress.State.ShouldBe(BuildState.Running);
        progress.LostNodes.ShouldBeEmpty();
        progress.Attempts[(int)Phase.Analyze].ShouldBe(9);
    }

    [Fact]
    public void NodeLost_WhileStopping_EndsTheBuild()
    {
        var stopping = BuildMachine.CancelRequested(Admitted().Progress, "no longer wanted").Progress;

        BuildMachine.Placed(stopping, At(2, null, null)).Progress.State.ShouldBe(BuildState.Cancelled);
    }

    /// <summary>
    /// Whatever happens in whatever order, with nodes that come and go, a build reaches exactly one end, finishes once, and no phase runs twice at a time.
    /// </summary>
    [Theory]
    [InlineData]
    [InlineData(Phase.Detect, Phase.Restore, Phase.ExtendRun, Phase.Build)]
    [InlineData(Phase.Detect, Phase.Restore, Phase.ExtendBuild, Phase.Build)]
    [InlineData(Phase.Analyze, Phase.Detect, Phase.Restore, Phase.ExtendBuild, Phase.ExtendRun, Phase.Build)]
    public void AnyInterleaving_EndsOnce(params Phase[] skipped) => Gen.Select(Gen.Int[0, 6], Gen.Int[0, 14], Gen.Int[0, 3], Gen.Int[0, 3]).Array[60, 200].Sample(moves =>
    {
        var walk = new Walk(skipped);
        var number = 0;
        foreach (var (phase, kind, home, run) in moves)
        {
            walk.Take(kind switch
            {
                0 => BuildMachine.CancelRequested(walk.Progress, "somebody"),
                1 => BuildMachine.PhaseEnded(walk.Progress, (Phase)phase, PhaseState.Failed, new Failure(1, "x")),
                2 => BuildMachine.PhaseEnded(walk.Progress, (Phase)phase, PhaseState.Cancelled),
                3 => BuildMachine.Placed(walk.Progress, At(++number, Session(home), Session(run)) with { HandedOver = phase > 1 }),
                4 => BuildMachine.Placed(walk.Progress, At(number - 1, Session(home), Session(run))),
                _ => BuildMachine.PhaseEnded(walk.Progress, (Phase)phase, PhaseState.Done),
            });
        }
        walk.Take(BuildMachine.Placed(walk.Progress, At(++number, One, One) with { HandedOver = true }));
        // Let what still runs end.
        foreach (var phase in Enumerable.Repeat(Enum.GetValues<Phase>(), 8).SelectMany(p => p))
            walk.Take(BuildMachine.PhaseEnded(walk.Progress, phase, PhaseState.Done));

        var progress = walk.Progress;
        progress.State.ShouldBeOneOf(BuildState.Succeeded, BuildState.Failed, BuildState.Cancelled);
        walk.Finishes.ShouldBe(1);
        walk.Starts.ShouldBe(progress.Attempts);
        (progress.State == BuildState.Succeeded).ShouldBe(progress.Phases.All(p => p is PhaseState.Done or PhaseState.Skipped) && progress.Failure is null && progress.CancelReason is null);
        progress.Phases.Count(p => p == PhaseState.Skipped).ShouldBe(skipped.Length);
        BuildMachine.Reconcile(progress).ShouldBe([new BuildEffect(BuildEffectKind.Finish, null)]);
    });

    private static NodeSession? Session(int number) => number switch { 1 => One, 2 => Two, 3 => Three, _ => null };

    private static BuildPlacement At(int number, NodeSession? home, NodeSession? run) => new() { Number = number, Home = home, RunExtension = run };

    private static Decision Admitted() => BuildMachine.Placed(BuildMachine.Accept(), At(1, One, Two));

    private static Decision Done(params Phase[] phases) =>
        phases.Aggregate(Admitted(), (decision, phase) => BuildMachine.PhaseEnded(decision.Progress, phase, PhaseState.Done));

    /// <summary>A build that something happens to, with the rules that hold at each step.</summary>
    private sealed class Walk(Phase[] skipped)
    {
        public BuildProgress Progress { get; private set; } = BuildMachine.Accept(skipped);

        public int Finishes { get; private set; }

        public int[] Starts { get; } = new int[Enum.GetValues<Phase>().Length];

        public void Take(Decision decision)
        {
            if (BuildMachine.IsOver(Progress))
                (decision.Progress, decision.Effects.Count).ShouldBe((Progress, 0));
            foreach (var effect in decision.Effects)
            {
                if (effect.Kind == BuildEffectKind.Finish)
                {
                    Finishes++;
                    continue;
                }
                decision.Progress[effect.Phase!.Value].ShouldBe(PhaseState.Running);
                if (effect.Kind != BuildEffectKind.Start)
                    continue;
                Starts[(int)effect.Phase.Value]++;
                // It did not run, or its node has been taken away in this very step.
                (Progress[effect.Phase.Value] != PhaseState.Running
                    || BuildMachine.NodeOf(Progress.Placement, effect.Phase.Value) != BuildMachine.NodeOf(decision.Progress.Placement, effect.Phase.Value)).ShouldBeTrue();
                BuildMachine.NodeOf(decision.Progress.Placement, effect.Phase.Value).ShouldNotBeNull();
            }
            Progress = decision.Progress;
        }
    }

    private sealed class SameDecision : IEqualityComparer<Decision>
    {
        public bool Equals(Decision? x, Decision? y) => ReferenceEquals(x!.Progress, y!.Progress) && x.Effects.SequenceEqual(y.Effects);

        public int GetHashCode(Decision obj) => 0;
    }
}
