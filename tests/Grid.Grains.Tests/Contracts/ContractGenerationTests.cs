using Grid.Contracts.Placement;
using Orleans.CodeGeneration;
using System.Reflection;

namespace Grid.Grains.Tests.Contracts;

/// <summary>
/// Nodes of two builds of the same grains in one cluster, of which the later has a method more (<c>tests/fixtures/builds</c>). <c>tests/mixed-versions.sh</c> does it with whole
/// nodes of Grid and builds under way.
/// </summary>
public sealed class ContractGenerationTests(TwoBuilds builds) : IClassFixture<TwoBuilds>
{
    [Fact]
    public async Task A_call_that_the_node_of_an_earlier_build_does_not_know_moves_the_grain_to_a_later_one()
    {
        (await builds.Earlier.AskAsync("known moves one")).ShouldBe("earlier 1 one");
        (await builds.Later.AskAsync("known moves two")).ShouldBe("earlier 2 two", "what both know moves nothing");

        (await builds.Later.AskAsync("added moves three")).ShouldBe("later 1 three three");
        (await builds.Earlier.AskAsync("known moves four")).ShouldBe("later 2 four", "the earlier build finds it there");
        (await builds.Later.AskAsync("added moves five")).ShouldBe("later 3 five five");
    }

    [Fact]
    public async Task Calls_at_the_same_time_are_all_answered()
    {
        for (var n = 0; n < 5; n++)
        {
            (await builds.Earlier.AskAsync($"known many{n} one")).ShouldBe("earlier 1 one");
            (await builds.Later.AskAsync($"added many{n} text 100")).ShouldBe("later");
        }
    }

    [Fact]
    public async Task A_grain_that_lives_nowhere_yet_is_found_by_a_new_method()
    {
        for (var n = 0; n < 10; n++)
            (await builds.Later.AskAsync($"added new{n} text")).ShouldBe("later 1 text text");
    }

    [Fact]
    public async Task A_grain_that_may_not_move_says_what_to_upgrade()
    {
        (await builds.Later.AskAsync("pinned earlier")).ShouldBe("known");

        var refused = await builds.Later.AskAsync("pinned-added earlier");
        refused.ShouldStartWith("OrleansException: ");
        refused.ShouldContain("Added");
        refused.ShouldContain("test.pinned/earlier");
        refused.ShouldContain("upgrade a node with the same roles");
        (await builds.Later.AskAsync("pinned-added later")).ShouldBe("added");
    }

    [Fact]
    public void The_generation_of_this_build_is_the_newest_that_has_samples() =>
        $"{typeof(IContractGeneration).GetCustomAttribute<VersionAttribute>()!.Version}".ShouldBe(GoldenContracts.All[^1].Name);
}
