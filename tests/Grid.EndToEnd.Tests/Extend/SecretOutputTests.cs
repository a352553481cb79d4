using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>Secrets that a command prints: no log, event, journal or message has them, whatever runs the sandboxes.</summary>
public sealed class SecretOutputTests(TestMachine machine)
{
    private readonly string _canary = "canary-" + Guid.NewGuid().ToString("N");

    // As a file, as a variable, by the shell itself, on both streams, and in two pieces that do not arrive together.
    private const string Print = """
        RUN --mount=type=secret,id=token,target=/t,env=TOKEN set -x; cat /t; echo "variable $TOKEN"; env | grep TOKEN; cat /t >&2; set +x; printf %s "${TOKEN%????????????}"; sleep 0.2; printf '%s\n' "${TOKEN#???????????????????????????}"
        """;

    [Theory]
    [InlineData("oci")]
    [InlineData("docker")]
    public async Task Build_CommandPrintsASecret_StarsAreInItsPlace(string sandbox)
    {
        if (sandbox == "docker")
            await SandboxKindTests.RequireEngineAsync();
        var bench = await NewAsync(Print);

        var run = (await bench.BuildAsync("--sandbox", sandbox, "--secret", $"id=token,src={Write(bench.Root, _canary)}")).ShouldSucceed();

        foreach (var phase in new[] { "ExtendBuild", "ExtendRun" })
        {
            var output = string.Concat(run.Of("output", phase).Select(e => e.GetProperty("text").GetString()));
            output.ShouldContain("variable ***\n");
            output.ShouldContain("TOKEN=***\n");
            output.ShouldNotContain(_canary);
            output.ShouldNotContain(_canary[..20]);
        }
        await ShouldBeNowhereAsync(bench, run);
    }

    [Fact]
    public async Task Extend_CommandPrintsASecretAndFails_TheMessageHasStars()
    {
        var bench = await ExtendBench.NewAsync(machine, Path.Combine(machine.Scratch, _canary[^12..]));
        var run = (await bench.RunAsync("RUN --mount=type=secret,id=token cat /run/secrets/token; exit 9", "--secret", $"id=token,src={Write(machine.Scratch, _canary)}")).ShouldFail(102, "exited with code 9");
        run.Process.Output.ShouldContain("***");
        run.Process.ToString().ShouldNotContain(_canary);
    }

    [Fact]
    public async Task Build_AsAnOrdinaryUser_MasksToo()
    {
        var bench = await NewAsync(Print);
        await using var user = await OrdinaryUser.CreateAsync(machine);
        var run = (await BuildRun.OfAsync(user.Start(bench, "--secret", $"id=token,src={Write(bench.Root, _canary)}"))).ShouldSucceed();
        run.Log.ShouldContain("variable ***\n");
        run.Log.ShouldNotContain(_canary);
        run.Process.Output.ShouldNotContain(_canary);
    }

    [Fact]
    public async Task Extend_SecretTooShortToMask_SaysSo()
    {
        var bench = await ExtendBench.NewAsync(machine);
        var run = (await bench.RunAsync("RUN --mount=type=secret,id=pin echo \"pin $(cat /run/secrets/pin)\"", "--refresh-extensions", "--secret", $"id=pin,src={Write(machine.Scratch, "123")}")).ShouldSucceed();
        run.Log.ShouldContain("Warning: the secret 'pin' has fewer than 4 bytes and is not masked");
        run.Log.ShouldContain("pin 123\n");
    }

    private async Task<Workbench> NewAsync(string steps)
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/prints", BuilderDirectory.AsRoot(steps), BuilderDirectory.AsRoot(steps));
        return bench;
    }

    private static string Write(string directory, string secret)
    {
        var file = Path.Combine(directory, "secret-" + Guid.NewGuid().ToString("N"));
        File.WriteAllText(file, secret);
        File.SetUnixFileMode(file, (UnixFileMode)0b110_100_100);
        return file;
    }

    private async Task ShouldBeNowhereAsync(Workbench bench, BuildRun run)
    {
        run.Process.Output.ShouldNotContain(_canary);
        run.Process.Error.ShouldNotContain(_canary);
        // grep gives 1 when it finds nothing; journals, state, content and unpacked layers are below the data directory.
        (await Tool.TryAsync("grep", "-rlF", _canary, bench.Data)).ExitCode.ShouldBe(1);
    }
}
