using CsCheck;
using Grid.Contracts.Steps;
using Grid.Dockerfiles.Keys;
using Grid.Grains.Machines;
using Grid.Oci;

namespace Grid.Grains.Tests.Machines;

public sealed class StepMachineTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Claim_Empty_GivesTheLeaseToTheFirstAndLetsTheSecondWait()
    {
        var (progress, first) = Claim(new StepProgress(), new StepClaimRequest("a#1", "a"), Noon);
        var (after, second) = Claim(progress, new StepClaimRequest("b#1", "b"), Noon);

        first.Kind.ShouldBe(StepClaimKind.Run);
        second.Kind.ShouldBe(StepClaimKind.Wait);
        after.Waiting.ShouldBe(["b"]);
    }

    [Fact]
    public void Claim_Repeated_AnswersTheSameHandleTheSame()
    {
        var (progress, _) = Claim(new StepProgress(), new StepClaimRequest("a#1", "a"), Noon);

        Claim(progress, new StepClaimRequest("a#1", "a"), Noon).Claim.Kind.ShouldBe(StepClaimKind.Run);
    }

    [Fact]
    public void Claim_LeaseRanOut_GoesToTheNextAndTheStaleRunnerCannotWrite()
    {
        var (progress, _) = Claim(new StepProgress(), new StepClaimRequest("a#1", "a"), Noon);
        var (taken, claim) = Claim(progress, new StepClaimRequest("b#1", "b"), Noon + StepMachine.LeaseTime);

        claim.Kind.ShouldBe(StepClaimKind.Run);
        StepMachine.Complete(taken, "a#1", Step(Noon)).ShouldBeNull();
        StepMachine.Renew(taken, "a#1", Noon).ShouldBeNull();
        StepMachine.Release(taken, "a#1").ShouldBeNull();
        StepMachine.Complete(taken, "b#1", Step(Noon)).ShouldNotBeNull();
    }

    [Fact]
    [Decision(21)]
    public void Claim_Finished_IsAHitUntilItIsTooOldOrRefreshed()
    {
        var (leased, _) = Claim(new StepProgress(), new StepClaimRequest("a#1", "a"), Noon);
        var finished = StepMachine.Complete(leased, "a#1", Step(Noon))!;

        Claim(finished, new StepClaimRequest("b#1", "b"), Noon.AddDays(13)).Claim.Kind.ShouldBe(StepClaimKind.Hit);
        Claim(finished, new StepClaimRequest("b#1", "b"), Noon.AddDays(14)).Claim.Kind.ShouldBe(StepClaimKind.Run);
        Claim(finished, new StepClaimRequest("b#1", "b") { NotBefore = Noon.AddSeconds(1) }, Noon).Claim.Kind.ShouldBe(StepClaimKind.Run);
    }

    [Fact]
    public void Release_GivesTheLeaseBack_AWaiterThatAsksAgainRuns()
    {
        var (leased, _) = Claim(new StepProgress(), new StepClaimRequest("a#1", "a"), Noon);
        var (waiting, _) = Claim(leased, new StepClaimRequest("b#1", "b"), Noon);
        var released = StepMachine.Release(waiting, "a#1")!;

        Claim(released, new StepClaimRequest("b#1", "b"), Noon).Claim.Kind.ShouldBe(StepClaimKind.Run);
    }

    /// <summary>Whoever asks when: between two completions there is never more than one valid lease.</summary>
    [Fact]
    public void AnyInterleaving_HasOneRunnerAtATime() => Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 90]).Array[1, 60].Sample(moves =>
    {
        var (progress, now) = (new StepProgress(), Noon);
        string? runner = null;
        var until = now;
        foreach (var (who, what, seconds) in moves)
        {
            now = now.AddSeconds(seconds);
            var handle = $"{who}#1";
            if (what == 0)
            {
                var (next, claim) = Claim(progress, new StepClaimRequest(handle, $"{who}"), now);
                if (claim.Kind == StepClaimKind.Run)
                {
                    (runner is null || runner == handle || until <= now).ShouldBeTrue("two runners at once");
                    (runner, until) = (handle, now + StepMachine.LeaseTime);
                }
                progress = next;
            }
            else if (what == 1 && StepMachine.Renew(progress, handle, now) is { } renewed)
            {
                handle.ShouldBe(runner);
                (progress, until) = (renewed, now + StepMachine.LeaseTime);
            }
            else if (what == 2 && StepMachine.Complete(progress, handle, Step(now)) is { } completed)
            {
                handle.ShouldBe(runner);
                (progress, runner) = (completed, null);
            }
            else if (what == 3 && StepMachine.Release(progress, handle) is { } released)
            {
                handle.ShouldBe(runner);
                (progress, runner) = (released, null);
            }
        }
    });

    private static (StepProgress Progress, StepClaim Claim) Claim(StepProgress progress, StepClaimRequest request, DateTimeOffset now) =>
        StepMachine.Claim(progress, request, now, StepMachine.DefaultTimeToLive);

    private static CachedStep Step(DateTimeOffset at) => new() { Key = new StepKey(Digest.Compute("k"u8), []), BuildKey = "t/b", CreatedAt = at };
}
