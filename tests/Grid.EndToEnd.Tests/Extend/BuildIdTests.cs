using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>The rules for build_id, for <c>grid extend</c> as for a build.</summary>
public sealed class BuildIdTests(TestMachine machine)
{
    private const string Text = "ARG build_id\nRUN echo ${build_id} >/id";

    [Fact]
    public async Task Policies_decide_whether_a_step_runs_again()
    {
        var bench = await ExtendBench.NewAsync(machine);
        (await bench.RunAsync(Text, "--build-id", "per-period=3650d", "--refresh-extensions")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 5 Ran"]);
        (await bench.RunAsync(Text, "--build-id", "per-period=3650d")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 5 Cached"]);
        (await bench.RunAsync(Text, "--build-id", "per-build")).ShouldSucceed().Steps().ShouldBe(["ExtendRun 5 Ran"]);
        (await bench.RunAsync(Text, "--build-id", "pinned=0d4ee5b2-0a6c-4d5e-8c3a-1f6e5f1d2c3b")).ShouldSucceed();
        (await bench.LayersAsync()).ShouldBe("id file 644 0:0 0d4ee5b2-0a6c-4d5e-8c3a-1f6e5f1d2c3b\n");
    }

    [Theory]
    [InlineData("replay=last", "belongs to no app")]
    [InlineData("replay=nothing", "build_id replay=nothing: the grid knows no such build")]
    [InlineData("hourly", "--build-id 'hourly' is no rule for build_id")]
    public async Task What_cannot_be_is_said(string policy, string message)
    {
        var run = await (await ExtendBench.NewAsync(machine)).RunAsync(Text, "--build-id", policy);
        run.ExitCode.ShouldBe(3, run.ToString());
        (run.Process.Error + run.Process.Output).ShouldContain(message);
    }
}
