using System.CommandLine;
using Grid.Buildpacks;
using Grid.Cli.Commands;
using Grid.Oci;

namespace Grid.Cli.Tests;

public sealed class CommandTests
{
    private static RootCommand Root() => [BuildCommand.Create(), BuilderCommand.Create(), SecretCommand.Create(), SecretCommand.CreateBinding(), SecretCommand.CreateRegistry(), AuditCommand.Create()];

    [Theory]
    [InlineData("registry", "registry.example/app:v1", "registry.example/app")]
    [InlineData("docker", "docker:registry.example/app:v1", "registry.example/app")]
    [InlineData("oci:/tmp/out", "oci:/tmp/out:v1", "registry.example/app")]
    [InlineData("oci:/tmp/out:mine", "oci:/tmp/out:mine", "registry.example/app")]
    public void Targets_ImageAndOutput_GiveTheLocation(string output, string location, string app)
    {
        var targets = BuildTargets.Resolve("registry.example/app:v1", [], output);

        targets.Locations.Select(l => l.ToString()).ShouldBe([location]);
        targets.AppName.ShouldBe(app);
    }

    [Fact]
    public void Targets_Tags_AreMoreLocations() =>
        BuildTargets.Resolve("registry.example/app", ["registry.example/app:v1", "registry.example/other:v2"], "registry").Locations.Count.ShouldBe(3);

    [Theory]
    [InlineData("registry.example/app", "other.example/app", "registry", "--tag")]
    [InlineData("registry.example/app", null, "tarball", "--output")]
    [InlineData("registry.example/app@sha256:0000000000000000000000000000000000000000000000000000000000000000", null, "registry", "digest")]
    public void Targets_ThatCannotBe_NameTheFlag(string image, string? tag, string output, string word)
    {
        var error = Should.Throw<LifecycleException>(() => BuildTargets.Resolve(image, tag is null ? [] : [tag], output));

        error.Message.ShouldContain(word);
        error.ExitCode.ShouldBe(ExitCode.InvalidArgs);
    }

    [Theory]
    [InlineData("Upper/App")]
    [InlineData("")]
    [InlineData("a b")]
    public void Targets_NameThatIsNone_IsRefused(string image) => Should.Throw<FormatException>(() => BuildTargets.Resolve(image, [], "registry"));

    [Fact]
    public void Environment_ValuesAreTakenAsTheyAre()
    {
        var environment = EnvironmentFlags.Read(["A=1", "B=", "C=x=y", "A=2", "PATH"]);

        environment.ShouldBe(new Dictionary<string, string> { ["A"] = "2", ["B"] = "", ["C"] = "x=y", ["PATH"] = Environment.GetEnvironmentVariable("PATH")! }, ignoreOrder: true);
    }

    [Theory]
    [InlineData("=x")]
    [InlineData("")]
    [InlineData("a/b=1")]
    [InlineData("..=1")]
    [InlineData("GRID_NO_SUCH_VARIABLE")]
    public void Environment_NameThatCannotBeAFile_IsRefused(string flag) =>
        Should.Throw<LifecycleException>(() => EnvironmentFlags.Read([flag])).ExitCode.ShouldBe(ExitCode.InvalidArgs);

    [Theory]
    [InlineData("build")]
    [InlineData("build", ".", "--builder", "b", "--image", "i", "--no-such-flag")]
    [InlineData("builder", "create")]
    [InlineData("nonsense")]
    public void A_command_line_that_cannot_be_read_ends_with_2(params string[] args)
    {
        var parsed = Root().Parse(args);

        parsed.Errors.ShouldNotBeEmpty();
        UsageError.Report(parsed).ShouldBe(2);
    }

    [Fact]
    public async Task Help_ExplainsEachFlag()
    {
        foreach (var args in new[] { new[] { "--help" }, ["build", "--help"], ["builder", "create", "--help"] })
        {
            using var output = new StringWriter();
            (await Root().Parse(args).InvokeAsync(new InvocationConfiguration { Output = output }, TestContext.Current.CancellationToken)).ShouldBe(0);
            output.ToString().ShouldContain("Usage:");
        }
        foreach (var command in Root().Subcommands.SelectMany(c => c.Subcommands.Prepend(c)))
        {
            command.Description.ShouldNotBeNullOrWhiteSpace(command.Name);
            command.Options.ShouldAllBe(option => !string.IsNullOrWhiteSpace(option.Description));
        }
    }

    [Theory]
    [InlineData("/no/such/directory", "a", null, "/no/such/directory")]
    [InlineData("/etc/hostname", "a", null, "is a file")]
    [InlineData(".", "a", "not-a-uuid", "--build-id")]
    public async Task Build_BadInput_IsAnswerNotACrash(string path, string image, string? buildId, string word)
    {
        var error = Console.Error;
        using var captured = new StringWriter();
        Console.SetError(captured);
        try
        {
            var code = await Root().Parse(["build", path, "--builder", "b", "--image", image, .. buildId is null ? Array.Empty<string>() : ["--build-id", buildId]])
                .InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
            code.ShouldNotBe(0);
        }
        finally
        {
            Console.SetError(error);
        }
        captured.ToString().ShouldContain(word);
    }

    [Fact]
    public void Errors_OfUsers_HaveCodesAndDefectsHaveNone()
    {
        UserError.Describe(new LifecycleException(ExitCode.BuildError, "x"))!.Value.ExitCode.ShouldBe((int)ExitCode.BuildError);
        UserError.Describe(new FormatException("x"))!.Value.ExitCode.ShouldBe((int)ExitCode.InvalidArgs);
        UserError.Describe(new OperationCanceledException())!.Value.ExitCode.ShouldBe(130);
        UserError.Describe(new IOException("x"))!.Value.ExitCode.ShouldBe(1);
        UserError.Describe(new NullReferenceException()).ShouldBeNull();
    }
}
