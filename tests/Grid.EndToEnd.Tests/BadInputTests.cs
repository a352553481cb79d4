using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>What is wrong is said, with the specification's exit code, and nothing is half-written.</summary>
public sealed class BadInputTests(TestMachine machine)
{
    private const string Order = "[[order]]\n[[order.group]]\nid = \"test/app\"\nversion = \"1.0.0\"\n";

    [Fact]
    public async Task Grid_UnknownFlag_Exits2()
    {
        var bench = await machine.NewAsync();

        var result = await bench.GridAsync("build", bench.App, "--builder", "b", "--image", "i", "--no-such-flag");

        result.ExitCode.ShouldBe(2, result.ToString());
        result.Error.ShouldContain("--no-such-flag");
        result.Error.ShouldContain("grid build --help");
        Directory.Exists(bench.Data).ShouldBeFalse();
    }

    [Theory]
    [InlineData("missing", "there is no directory")]
    [InlineData("app/hello.txt", "is a file")]
    public async Task Build_NoSuchPath_Exits3(string path, string message)
    {
        var bench = await machine.NewAsync();

        var result = await bench.GridAsync("build", Path.Combine(bench.Root, path), "--builder", "b", "--image", "i");

        result.ExitCode.ShouldBe(3, result.ToString());
        result.Error.ShouldContain(message);
        result.Error.ShouldContain(path);
        result.Error.ShouldNotContain("   at ");
        Directory.Exists(bench.Data).ShouldBeFalse();
    }

    [Fact]
    public async Task Build_NoSuchBuilderImage_NamesIt()
    {
        var bench = await machine.NewAsync();

        var run = await BuildRun.OfAsync(bench.Start("build", bench.App, "--builder", $"oci:{bench.Root}/nothing:1", "--image", "test/app", "--output", $"oci:{bench.Layout}", "--json"));

        run.ShouldFail(32, "builder", "nothing:1", "not found");
        ShouldHaveNothing(bench);
    }

    [Theory]
    [InlineData(null, "builder.toml")]
    [InlineData("[build]\nimage = \"x\"\n", "builder.toml", "order")]
    [InlineData("description = \"x\"\n[[order]\n", "builder.toml:2:", "]")]
    [InlineData("colour = 1\n" + Order, "builder.toml:1:", "colour")]
    public async Task Build_BadBuilderDirectory_SaysWhere(string? config, params string[] texts)
    {
        var bench = await machine.NewAsync();
        if (config is null)
            Directory.CreateDirectory(bench.Builder.Path);
        else
            bench.Builder.WriteConfig(config);

        var result = await bench.GridAsync("build", bench.App, "--builder", bench.Builder.Path, "--image", "test/app", "--output", $"oci:{bench.Layout}");

        result.ExitCode.ShouldBe(3, result.ToString());
        foreach (var text in texts)
            result.Error.ShouldContain(text);
        result.Error.ShouldNotContain("   at ");
        ShouldHaveNothing(bench);
    }

    [Fact]
    public async Task Build_MalformedBuildpackToml_SaysFileLineAndColumn()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Write();
        await File.WriteAllTextAsync(Path.Combine(bench.Builder.Path, "buildpacks", "test_app", "buildpack.toml"), "api = \"0.10\"\n[buildpack]\nid = test/app\n");

        var result = await bench.GridAsync("build", bench.App, "--builder", bench.Builder.Path, "--image", "test/app", "--output", $"oci:{bench.Layout}");

        result.ExitCode.ShouldBe(3, result.ToString());
        result.Error.ShouldContain("buildpack.toml:3:");
        ShouldHaveNothing(bench);
    }

    [Fact]
    public async Task Build_NoGroupDetected_Exits20AndSaysWhy()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/first", detect: "echo no pom.xml; exit 100").Buildpack("test/second", detect: "echo no package.json; exit 100");

        var run = await bench.BuildAsync();

        run.ShouldFail(20, "test/first", "test/second");
        (run.Log + run.Message).ShouldContain("no pom.xml");
        (run.Log + run.Message).ShouldContain("no package.json");
        ShouldHaveNothing(bench);
    }

    [Fact]
    public async Task Build_DetectErrors_Exits21()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/broken", detect: "echo broken pipe dream >&2; exit 3");

        var run = await bench.BuildAsync();

        run.ShouldFail(21, "test/broken", "3");
        (run.Log + run.Message).ShouldContain("broken pipe dream");
        ShouldHaveNothing(bench);
    }

    [Fact]
    public async Task Build_GenerateFails_Exits91()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Extension("test/broken", "echo cannot decide >&2; exit 5");

        var run = await bench.BuildAsync();

        run.ShouldFail(91, "test/broken", "exit code 5");
        run.Log.ShouldContain("cannot decide");
        ShouldHaveNothing(bench);
    }

    [Fact]
    public async Task Build_InvalidDockerfile_Exits92WithItsLine()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/typo", build: "ARG base_image\nFROM ${base_image}\nRUNN true\n");

        var run = await bench.BuildAsync();

        run.ShouldFail(92, "test/typo", "build.Dockerfile", "3", "RUNN");
        ShouldHaveNothing(bench);
    }

    [Fact]
    [Spec("platform/extend.root")]
    public async Task Build_RunDockerfileEndsAsRoot_IsRefused()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/root", run: "ARG base_image\nFROM ${base_image}\nUSER root\nRUN true\n");

        var run = await bench.BuildAsync();

        run.ExitCode.ShouldBe(102, run.ToString());
        run.Message.ShouldContain("root");
        run.Message.ShouldContain("run.Dockerfile");
        ShouldHaveNothing(bench);
    }

    [Fact]
    public async Task Build_BuildpackFails_Exits51()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app", build: "echo it does not compile >&2; exit 9");

        var run = await bench.BuildAsync();

        run.ShouldFail(51, "test/app", "9");
        run.Log.ShouldContain("it does not compile");
        ShouldHaveNothing(bench);
    }

    [Theory]
    [InlineData(9, "RUN echo small >/x")]
    [InlineData(64, "RUN dd if=/dev/urandom of=/x bs=1M count=22 2>/dev/null")]
    [InlineData(64, "RUN dd if=/dev/zero of=/x bs=1M count=200")]
    public async Task Build_DiskIsFull_SaysSo(int megabytes, string instruction)
    {
        var bench = await machine.NewAsync();
        Directory.CreateDirectory(bench.Data);
        await Tool.RunAsync("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", bench.Data);
        try
        {
            bench.Builder.Buildpack("test/app").Dockerfiles("test/big", BuilderDirectory.AsRoot(instruction), BuilderDirectory.AsRoot(instruction));

            var result = await bench.GridAsync("build", bench.App, "--builder", bench.Builder.Write(), "--image", "test/app", "--output", $"oci:{bench.Layout}:app");

            result.ExitCode.ShouldNotBe(0, result.ToString());
            (result.Error + result.Output).ShouldMatch("(?i)disk .*is full|no space left", result.ToString());
            result.Error.ShouldNotContain("   at ", Case.Sensitive, result.ToString());
            Directory.Exists(bench.Layout).ShouldBeFalse();
            // The mount is the test's own.
            Leftovers.Of(bench.Data, bench.Data).Count.ShouldBe(1);
        }
        finally
        {
            await Tool.RunAsync("umount", "--lazy", bench.Data);
        }
    }

    private static void ShouldHaveNothing(Workbench bench)
    {
        Directory.Exists(bench.Layout).ShouldBeFalse("an image was written");
        Leftovers.Of(bench.Data, bench.Data).ShouldBeEmpty();
    }
}
