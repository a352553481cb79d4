using CsCheck;
using Grid.Buildpacks.Detect;

namespace Grid.Buildpacks.Tests.Detect;

public sealed class PlanResolverTests
{
    private readonly List<string> _log = [];

    [Fact]
    [Spec("platform/plan.provider", "platform/plan.requirement", "platform/plan.one-name")]
    [Decision(7)]
    public void Resolve_ManyProviders_AllOfThemProvide()
    {
        var outcome = Resolve("A prov d1,d2 req d2", "C prov d1,d2", "D prov d2 req d1,d2", "B req d1,d2");

        outcome.Plan.Entries.Select(Text).ShouldBe(["A,C: d1,d1", "A,C,D: d2,d2,d2"]);
        outcome.Group!.Buildpacks.Select(b => b.Id).ShouldBe(["A", "C", "D", "B"]);
    }

    [Fact]
    [Spec("buildpack/trial.unmet-required")]
    public void Resolve_ProviderAfterTheRequirer_DoesNotCount()
    {
        Resolve("B req d1", "C prov d1 req d1").Failure.ShouldBe("fail: B@v1 requires d1");
        _log.ShouldBe(["Resolving plan... (try #1)", "fail: B@v1 requires d1"]);
    }

    [Fact]
    [Spec("buildpack/trial.unused-required")]
    public void Resolve_UnusedProvide_Fails() =>
        Resolve("A prov d1 req d1", "B prov d1").Failure.ShouldBe("fail: B@v1 provides unused d1");

    [Fact]
    [Spec("buildpack/trial.unmet-optional", "buildpack/trial.unused-optional")]
    public void Resolve_OptionalOnesThatDoNotFit_AreSkipped()
    {
        Resolve("A? req missing", "B prov present req present", "C? prov missing").Group!.Buildpacks.Select(b => b.Id).ShouldBe(["B"]);

        _log.ShouldBe(["Resolving plan... (try #1)", "skip: A@v1 requires missing", "skip: C@v1 provides unused missing"]);
    }

    [Fact]
    [Spec("buildpack/trial.order")]
    public void Resolve_Alternatives_GivesTheReferencesAnswerAndTrialNumber()
    {
        var outcome = Resolve(
            "A? prov d2m | prov d1", "B? req d3m | req d1", "C prov d5m req d4m | prov d6 req d6", "D? prov d8m req d7m | prov d10m req d9m");

        outcome.Group!.Buildpacks.Select(b => b.Id).ShouldBe(["A", "B", "C"]);
        _log[^3..].ShouldBe(["Resolving plan... (try #16)", "skip: D@v1 requires d9m", "skip: D@v1 provides unused d10m"]);
    }

    [Fact]
    [Decision(32)]
    public void Resolve_OnlyExtensionsRemain_Fails() =>
        Resolve("E?+", "B? req missing").Failure.ShouldBe("fail: only extensions remain; a group needs a buildpack");

    [Fact]
    [Spec("platform/plan.extension")]
    public void Resolve_EntriesOfExtensions_SayWhatTheyAre() =>
        Resolve("E?+ prov x", "B req x").Plan.Entries[0].Providers[0].ShouldBe(new PlanProvider("E", "v1", ModuleKind.Extension));

    [Fact]
    [Decision(8)]
    public void Resolve_FortyCandidatesWithAlternatives_NeedsFewTrials()
    {
        var lines = Enumerable.Range(0, 40).Select(i => $"M{i}? prov a{i} req a{i} | prov b{i} req b{i} | ").ToArray();

        PlanResolver.Resolve(PlanText.Candidates([.. lines, "Last req missing"]), _log.Add, out var trials).Failure.ShouldBe("fail: Last@v1 requires missing");

        trials.ShouldBe(1);
    }

    [Fact]
    public void Resolve_ProviderFarInFront_IsFoundWithoutTryingWhatIsBetween()
    {
        var between = Enumerable.Range(0, 30).Select(i => $"M{i}? prov a{i} req a{i} | ");

        var outcome = PlanResolver.Resolve(PlanText.Candidates(["P prov z req z | prov x", .. between, "Last req x"]), _log.Add, out var trials);

        outcome.Group!.Buildpacks.Count.ShouldBe(32);
        trials.ShouldBe(2);
    }

    [Fact]
    [Decision(8)]
    public void Resolve_Hostile_GivesUpWithAMessage()
    {
        // Three pigeons for two holes, sixteen times over with shared names, cannot be pruned by what one failure says.
        var lines = Enumerable.Range(0, 16).Select(i => $"M{i} " + string.Join(" | ", Enumerable.Range(0, 14).Select(hole => $"prov h{hole}"))).ToArray();
        var users = Enumerable.Range(0, 15).Select(i => $"U{i} req h{i}").ToArray();

        var failure = Should.Throw<LifecycleException>(() => Resolve([.. lines, .. users]));

        failure.ExitCode.ShouldBe(ExitCode.DetectError);
        failure.Message.ShouldContain("too many alternatives");
    }

    [Fact]
    [Spec("buildpack/trial.order", "buildpack/trial.unused-required", "buildpack/trial.unmet-required")]
    [Spec("buildpack/trial.unused-optional", "buildpack/trial.unmet-optional", "buildpack/trial.unused-extension")]
    [Decision(8)]
    [Decision(32)]
    public void Resolve_AnyGroup_EqualsTryingEverything()
    {
        var name = Gen.Char["abc"].Select(c => c.ToString());
        var option = Gen.Select(name.Array[0, 2], name.Array[0, 2], (p, r) => new PlanOption(p, [.. r.Select(n => new PlanRequire(n))]));
        var candidate = Gen.Select(Gen.Bool, Gen.Bool, option.Array[1, 3]);

        candidate.Array[1, 5].Sample(group =>
        {
            var candidates = group.Select((c, i) => new PlanCandidate(
                new GroupElement(c.Item1 && c.Item2 ? ModuleKind.Extension : ModuleKind.Buildpack, "M" + i, "v1", "0.10"), c.Item1, new PlanFile(c.Item3))).ToList();
            var outcome = PlanResolver.Resolve(candidates, _ => { }, out var trials);
            var (expected, all) = ExhaustiveResolver.Resolve(candidates);
            return trials <= all && Text(outcome) == expected;
        }, iter: 20_000);
    }

    private static string Text(PlanEntry entry) =>
        string.Join(',', entry.Providers.Select(p => p.Id)) + ": " + string.Join(',', entry.Requires.Select(r => r.Name));

    private static string Text(PlanOutcome outcome) => outcome.Group is null
        ? "none"
        : string.Join(' ', outcome.Group.Buildpacks.Concat(outcome.Group.Extensions).Select(e => e.Id).Order(StringComparer.Ordinal))
            + " / " + string.Join("; ", outcome.Plan.Entries.Select(Text).Order(StringComparer.Ordinal));

    private PlanOutcome Resolve(params string[] lines) => PlanResolver.Resolve(PlanText.Candidates(lines), _log.Add);
}
