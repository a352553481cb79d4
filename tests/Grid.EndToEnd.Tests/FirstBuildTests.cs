using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

public sealed class FirstBuildTests(TestMachine machine)
{
    [Fact]
    public async Task Build_OneBuildpack_WritesAnImageThatLeavesNothingBehind()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app");

        var run = await bench.BuildAsync();

        run.ShouldSucceed();
        (await Tool.RunAsync("skopeo", "inspect", "--raw", $"oci:{bench.Layout}:app")).ShouldContain("manifest");
        Leftovers.Of(bench.Data, bench.Root).ShouldBeEmpty();
    }
}
