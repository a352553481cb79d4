using System.Text.Json;
using Grid.Oci.Images;

namespace Grid.Dockerfiles.Planning;

/// <summary>The Dockerfiles of the recorded extend cases: our configuration must be the one the Docker builder made of them.</summary>
public sealed class RecordedCasesTests
{
    private static readonly BuildArg[] Args =
    [
        new("build_id", "4e9c"), new("user_id", "1001"), new("group_id", "1001"), new("b", "from config"), new("unused", "1"), new("base_image", "base@sha256:00"),
    ];

    [Theory]
    [InlineData("001", "USER root", "root")]
    [InlineData("005", "USER root\nRUN echo hi > /new && rm /etc/issue.net\nUSER 1001:1001", "1001:1001")]
    [InlineData("015", "USER root\nRUN mkdir -m 777 /w\nUSER 4242:4343\nRUN id > /w/id", "4242:4343")]
    [InlineData("016", "USER root\nUSER cnb:daemon\nRUN id", "cnb:daemon")]
    [InlineData("020", "COPY f /dst/f", "1001:1001")]
    [InlineData("042", "USER root\nRUN true\nARG user_id\nARG group_id\nUSER ${user_id}:${group_id}", "1001:1001")]
    [InlineData("079", "USER root\nRUN echo 1 > /x", "root")]
    public void Plan_LeavesUserAsDocker(string id, string body, string user)
    {
        var config = Samples.Config(body, Args);
        config.User.ShouldBe(user, id);
        config.Env.ShouldBe([Samples.Path], id);
        config.Labels!.Count.ShouldBe(1, id);
        config.WorkingDir.ShouldBeNull(id);
    }

    [Fact]
    public void Plan_003_LabelForms() => Samples.Config("LABEL a=1 \"b c\"=\"d e\" f=\"line1\\\nline2\"\nLABEL g=$HOME").Labels.ShouldBe(new Dictionary<string, string>
    {
        ["a"] = "1", ["b c"] = "d e", ["f"] = "line1line2", ["g"] = "", ["io.buildpacks.base.id"] = "ref.bookworm.run",
    }, ignoreOrder: true);

    [Fact]
    public void Plan_006_ExecForm() =>
        Samples.Last<RunStep>("RUN [\"/bin/sh\",\"-c\",\"echo $0 > /x\",\"zero\"]").Argv.ShouldBe(["/bin/sh", "-c", "echo $0 > /x", "zero"]);

    [Fact]
    public void Plan_008_ScriptWithInterpreter_IsMountedAndRun()
    {
        // The reference gives the "#!" line to sh and fails; BuildKit runs the interpreter.
        var step = Samples.Last<RunStep>("RUN <<E\n#!/usr/bin/perl\nopen(F,\">/p\");\nE\n");
        step.Argv.ShouldBe(["/bin/sh", "-c", "/run/heredocs/E"]);
        step.Script.ShouldBe(new InlineFile("/run/heredocs/E", "#!/usr/bin/perl\nopen(F,\">/p\");\n"));
    }

    [Fact]
    public void Plan_010_EnvironmentOfRun()
    {
        var step = Samples.Plan("USER root\nENV X=1\nARG Y=2\nRUN env\nUSER 1001:1001")[3].ShouldBeOfType<RunStep>();
        step.Environment.ShouldBe([Samples.Path, "X=1", "Y=2"]);
        (step.User, step.WorkingDirectory).ShouldBe(("root", "/"));
    }

    [Fact]
    public void Plan_011_Shell()
    {
        var steps = Samples.Plan("SHELL [\"/bin/bash\",\"-euc\"]\nRUN echo $BASH_VERSION\nUSER u");
        steps[1].ShouldBeOfType<RunStep>().Argv.ShouldBe(["/bin/bash", "-euc", "echo $BASH_VERSION"]);
        steps[2].Next.Config.Shell.ShouldBe(["/bin/bash", "-euc"]);
    }

    [Fact]
    public void Plan_022_ChownAndChmod()
    {
        var steps = Samples.Plan("COPY --chown=1001:1001 f /a\nCOPY --chown=cnb f /b\nCOPY --chmod=751 f /c\nCOPY --chown=7 f /e").Cast<CopyStep>().ToList();
        steps.Select(step => step.Chown).ShouldBe(["1001:1001", "cnb", null, "7"]);
        steps.Select(step => step.Chmod?.Text).ShouldBe([null, null, "751", null]);
    }

    [Fact]
    public void Plan_027_CopyHeredoc_ExpandsUnlessQuoted()
    {
        // The reference never expands; Docker does, and HOME is not a variable of the image.
        Samples.Last<CopyStep>("COPY <<E /h\nhello $HOME\nE\n").InlineFiles.ShouldBe([new InlineFile("E", "hello \n")]);
        Samples.Last<CopyStep>("COPY <<\"E\" /h2\nhello $HOME\nE\n").InlineFiles.ShouldBe([new InlineFile("E", "hello $HOME\n")]);
    }

    [Fact]
    public void Plan_040_ArgScope()
    {
        var step = Samples.Last<RunStep>("ARG a=1\nARG b\nARG user_id\nARG group_id\nARG build_id\nARG base_image\nARG none\nRUN x", Args);
        step.Environment.ShouldBe([Samples.Path, "a=1", "b=from config", "user_id=1001", "group_id=1001", "build_id=4e9c", "base_image=base@sha256:00"]);
        Samples.Last<RunStep>("RUN x", Args).Environment.ShouldBe([Samples.Path]);
    }

    [Fact]
    public void Plan_043_GlobalArg_NeedsRedeclaration()
    {
        var steps = Samples.Plan("RUN a\nARG g\nRUN a\nARG g=other\nRUN a", header: "ARG base_image\nARG g=g$base_image\nFROM ${base_image}\n", args: Args);
        ((RunStep)steps[0]).Environment.ShouldBe([Samples.Path]);
        ((RunStep)steps[2]).Environment.ShouldBe([Samples.Path, "g=gbase@sha256:00"]);
        ((RunStep)steps[4]).Environment.ShouldBe([Samples.Path, "g=other"]);
    }

    [Fact]
    public void Plan_071_OnBuild_IsKeptNotRun()
    {
        var config = Samples.Config("ONBUILD RUN true\nONBUILD USER x");
        JsonSerializer.Serialize(config.Other!["OnBuild"]).ShouldBe("[\"RUN true\",\"USER x\"]");
    }

    [Fact]
    public void Plan_073_Network() => Samples.Last<RunStep>("RUN --network=none echo y > /y").Network.ShouldBe(RunNetwork.None);

    [Fact]
    public void Plan_100_EnvAndWorkdir()
    {
        var steps = Samples.Plan("ENV FROMEXT=yes PATH=/opt/p:$PATH CNB_X=1 LD_LIBRARY_PATH=/l JAVA_OPTS=-Da=b\nRUN mkdir -p /opt/p\nWORKDIR /opt/p\nWORKDIR q/../r\nUSER 1001");
        steps[^1].Next.Config.Env.ShouldBe(["PATH=/opt/p:" + Samples.Path[5..], "FROMEXT=yes", "CNB_X=1", "LD_LIBRARY_PATH=/l", "JAVA_OPTS=-Da=b"]);
        steps[^1].Next.Config.WorkingDir.ShouldBe("/opt/p/r");
        steps[2].ShouldBeOfType<WorkdirStep>().User.ShouldBe("1001:1001");
        steps[^1].Next.DiffIds.Count.ShouldBe(4);
    }

    [Fact]
    public void Plan_NotRecommendedInstructions_ChangeTheConfiguration()
    {
        var config = Samples.Config("EXPOSE 80 8000-8001/udp\nVOLUME /v [\"x\"]\nCMD a b\nENTRYPOINT [\"y\"]\nSTOPSIGNAL 9\nHEALTHCHECK --interval=1m30s --retries=3 CMD x\nMAINTAINER me");
        config.Cmd.ShouldBe(["/bin/sh", "-c", "a b"]);
        config.Entrypoint.ShouldBe(["y"]);
        var image = JsonSerializer.Serialize(config);
        image.ShouldContain("\"ExposedPorts\":{\"80/tcp\":{},\"8000/udp\":{},\"8001/udp\":{}}");
        image.ShouldContain("\"Volumes\":{\"/v\":{},\"[x]\":{}}");
        image.ShouldContain("\"StopSignal\":\"9\"");
        image.ShouldContain("\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"x\"],\"Interval\":90000000000,\"Retries\":3}");
        JsonSerializer.Deserialize<ContainerConfig>(image)!.Other!.Count.ShouldBe(4);
    }
}
