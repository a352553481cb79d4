using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>The image does not depend on what runs the sandboxes.</summary>
public sealed class SandboxKindTests(TestMachine machine)
{
    private const string Steps = "RUN mkdir -p /opt/tool && echo made >/opt/tool/made && ln -s made /opt/tool/link && chown -R 5:6 /opt/tool\nCOPY . /context\nRUN --network=none rm -rf /opt/tool/link";
    private const string BuildId = "0d4ee5b2-0a6c-4d5e-8c3a-1f6e5f1d2c3b";

    [Fact]
    public async Task Build_InSandboxesOfADockerEngine_GivesTheSameImage()
    {
        await RequireEngineAsync();

        var byRuntime = await BuildAsync("oci");
        var byEngine = await BuildAsync("docker");

        byEngine.Steps().ShouldAllBe(step => step.EndsWith(" Ran", StringComparison.Ordinal));
        byEngine.Digest.ShouldBe(byRuntime.Digest);
    }

    [Fact]
    public async Task Build_AsAnOrdinaryUser_GivesTheSameImageAndLeavesNothingRunning()
    {
        var bench = await NewAsync(Steps);
        await using var user = await OrdinaryUser.CreateAsync(machine);

        var byUser = (await BuildRun.OfAsync(user.Start(bench, "--build-id", BuildId))).ShouldSucceed();

        byUser.Steps().ShouldAllBe(step => step.EndsWith(" Ran", StringComparison.Ordinal));
        byUser.Digest.ShouldBe((await BuildAsync("oci")).Digest);
        (await user.LeftRunningAsync()).ShouldBe("");
    }

    [Theory]
    [InlineData("TERM", 130)]
    [InlineData("KILL", 137)]
    public async Task Build_AsAnOrdinaryUserAndKilled_LeavesNothingRunning(string signal, int exitCode)
    {
        const string Marker = "987654";
        var bench = await NewAsync($"RUN echo now && sleep {Marker}");
        await using var user = await OrdinaryUser.CreateAsync(machine);
        using var process = user.Start(bench);
        while (!(await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldNotBeNull().Contains("now\\n", StringComparison.Ordinal))
        {
        }

        await Tool.RunAsync("/bin/kill", $"-{signal}", await OrdinaryUser.GridOfAsync(process));

        (await Tool.EndAsync(process)).ExitCode.ShouldBe(exitCode);
        SpinWait.SpinUntil(() => !Running(Marker), TimeSpan.FromMinutes(2)).ShouldBeTrue();
    }

    private static bool Running(string word) => Directory.GetDirectories("/proc").Any(process =>
    {
        try
        {
            return File.ReadAllText(process + "/cmdline").Split('\0').Contains(word);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    internal static async Task RequireEngineAsync()
    {
        var version = await Tool.TryAsync("docker", "version");
        if (version.ExitCode != 0)
            Assert.Skip($"no Docker engine answers ({version.Error.Trim()}); tests/with-docker-engine.sh starts one");
    }

    private async Task<Workbench> NewAsync(string steps)
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both", BuilderDirectory.AsRoot(steps), BuilderDirectory.AsRoot(steps));
        return bench;
    }

    private async Task<BuildRun> BuildAsync(string sandbox) =>
        (await (await NewAsync(Steps)).BuildAsync("--sandbox", sandbox, "--build-id", BuildId)).ShouldSucceed();
}
