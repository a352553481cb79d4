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
        var bench = await NewAsync();
        var user = $"grid-e2e-{Guid.NewGuid().ToString("N")[..8]}";
        if ((await Tool.TryAsync("useradd", "--create-home", user)).ExitCode != 0 || !TestMachine.IsInstalled("newuidmap"))
            Assert.Skip("no user with subordinate ids can be made here");
        try
        {
            await Tool.RunAsync("chmod", "--recursive", "a+rX", machine.Scratch);
            if ((await Tool.TryAsync("su", user, "--command", $"test -x {TestMachine.Executable} -a -r {bench.Machine.Launcher}")).ExitCode != 0)
                Assert.Skip($"an ordinary user may not read {TestMachine.Executable}");
            var dotnet = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory().TrimEnd('/'))));
            var command = $"cd && DOTNET_ROOT={dotnet} GRID_LAUNCHER={bench.Machine.Launcher} {TestMachine.Executable} build {bench.App} --builder {bench.Builder.Write()} "
                + $"--image test/app --output oci:images:app --json --sandbox oci --build-id {BuildId}";
            var byUser = (await BuildRun.OfAsync(Tool.Start("su", ["--login", "--shell", "/bin/sh", user, "--command", command], new Dictionary<string, string?>()))).ShouldSucceed();

            byUser.Steps().ShouldAllBe(step => step.EndsWith(" Ran", StringComparison.Ordinal));
            byUser.Digest.ShouldBe((await BuildAsync("oci")).Digest);
            (await Tool.TryAsync("pgrep", "--uid", user)).Output.ShouldBe("");
        }
        finally
        {
            await Tool.RunAsync("userdel", "--remove", "--force", user);
        }
    }

    internal static async Task RequireEngineAsync()
    {
        var version = await Tool.TryAsync("docker", "version");
        if (version.ExitCode != 0)
            Assert.Skip($"no Docker engine answers ({version.Error.Trim()}); tests/with-docker-engine.sh starts one");
    }

    private async Task<Workbench> NewAsync()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both", BuilderDirectory.AsRoot(Steps), BuilderDirectory.AsRoot(Steps));
        return bench;
    }

    private async Task<BuildRun> BuildAsync(string sandbox) =>
        (await (await NewAsync()).BuildAsync("--sandbox", sandbox, "--build-id", BuildId)).ShouldSucceed();
}
