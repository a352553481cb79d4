using Grid.Contracts.Builds;

namespace Grid.Grains.Tests.Builds;

public sealed class BuildIdPolicyTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Fresh = new("3f0e1f0e-0000-4000-8000-000000000001");

    private static string Resolve(string policy, DateTimeOffset? now = null, string tenant = "tenant", string? replayed = null) =>
        BuildIdPolicy.Parse(policy).Resolve(tenant, now ?? Noon, Fresh, replayed);

    [Theory]
    [InlineData("")]
    [InlineData("per-build")]
    public void Resolve_PerBuild_IsTheFreshOne(string policy) => Resolve(policy).ShouldBe(Fresh.ToString());

    [Theory]
    [InlineData("pinned=11111111-2222-4333-8444-555555555555")]
    [InlineData("11111111-2222-4333-8444-555555555555")]
    public void Resolve_Pinned_IsTheGivenOne(string policy) => Resolve(policy).ShouldBe("11111111-2222-4333-8444-555555555555");

    [Fact]
    [Decision(22)]
    public void Resolve_PerPeriod_ChangesWithThePeriodOnly()
    {
        var first = Resolve("per-period=24h");

        Resolve("per-period=24h", Noon.AddHours(11)).ShouldBe(first);
        Resolve("per-period=24h", Noon.AddHours(-12)).ShouldBe(first);
        Resolve("per-period=1d").ShouldBe(first);
        Resolve("per-period=24h", Noon.AddHours(12)).ShouldNotBe(first);
        Resolve("per-period=12h").ShouldNotBe(first);
        Resolve("per-period=24h", tenant: "other").ShouldNotBe(first);
        Guid.Parse(first).Version.ShouldBe(8);
        Guid.Parse(first).Variant.ShouldBeInRange(8, 11);
    }

    [Fact]
    public void Resolve_Replay_IsThatBuildsOrNone()
    {
        Resolve("replay=last", replayed: "11111111-2222-4333-8444-555555555555").ShouldBe("11111111-2222-4333-8444-555555555555");
        Resolve("replay=abc").ShouldBeEmpty();
    }

    [Theory]
    [InlineData("per-build=1")]
    [InlineData("per-period")]
    [InlineData("per-period=")]
    [InlineData("per-period=0h")]
    [InlineData("per-period=5")]
    [InlineData("per-period=9999999999d")]
    [InlineData("pinned=1")]
    [InlineData("replay=")]
    [InlineData("daily")]
    public void Parse_AnythingElse_SaysWhatIsWanted(string policy) => Should.Throw<FormatException>(() => BuildIdPolicy.Parse(policy)).Message.ShouldContain("want");

    [Theory]
    [InlineData("per-build")]
    [InlineData("per-period=86400s")]
    [InlineData("pinned=11111111-2222-4333-8444-555555555555")]
    [InlineData("replay=last")]
    public void ToString_IsReadAgain(string policy) => BuildIdPolicy.Parse(BuildIdPolicy.Parse(policy).ToString()).ToString().ShouldBe(policy);
}
