using System.Text.Json;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;

namespace Grid.Dockerfiles.Planning;

public sealed class StagePlannerTests
{
    [Fact]
    public void Plan_Env_UsesTheValuesFromBeforeTheInstruction()
    {
        Samples.Config("ENV a=1\nENV a=2 b=$a\nENV c=$a").Env.ShouldBe([Samples.Path, "a=2", "b=1", "c=2"]);
        Samples.Config("ENV a  x  y=z").Env.ShouldBe([Samples.Path, "a=x  y=z"]);
        Samples.Config("ENV a=\"x y\" b='$a' c=\\$a d=e\\ f").Env.ShouldBe([Samples.Path, "a=x y", "b=$a", "c=$a", "d=e f"]);
    }

    [Fact]
    public void Plan_EnvWins_OverAnArgOfTheSameName()
    {
        var steps = Samples.Plan("ENV a=env\nARG a=arg\nRUN x\nLABEL l=$a");
        ((RunStep)steps[2]).Environment.ShouldBe([Samples.Path, "a=env"]);
        steps[3].Next.Config.Labels!["l"].ShouldBe("env");
    }

    [Fact]
    public void Plan_ArgDefault_MayUseEarlierArgs_AndGivenValuesWin()
    {
        Samples.Last<RunStep>("ARG a=1 b=$a c=${b:-x}2\nRUN x").Environment.ShouldBe([Samples.Path, "a=1", "b=1", "c=12"]);
        Samples.Last<RunStep>("ARG a=1\nARG b=$a\nRUN x", [new("a", "first"), new("a", "last")]).Environment.ShouldBe([Samples.Path, "a=last", "b=last"]);
    }

    [Fact]
    public void Plan_ArgDefaultThatIsBad_IsNotLookedAtWhenAValueIsGiven()
    {
        Samples.Last<RunStep>("ARG a=${b:?no}\nRUN x", [new("a", "v")]).Environment.ShouldBe([Samples.Path, "a=v"]);
        Samples.Fails("ARG a=${b:?no}").Message.ShouldBe("run.Dockerfile:3:1: b: no; correct the ARG instruction");
    }

    [Fact]
    public void Plan_PlatformArgs_WhenDeclared() =>
        Samples.Last<RunStep>("ARG TARGETARCH TARGETOS\nRUN x", image: Samples.Base() with { Arch = "arm64" }).Environment.ShouldBe([Samples.Path, "TARGETARCH=arm64", "TARGETOS=linux"]);

    [Fact]
    public void Plan_Proxies_AreUsableUndeclared_AndKeptApart()
    {
        BuildArg[] args = [new("HTTP_PROXY", "http://p"), new("no_proxy", "x"), new("other", "y")];
        var step = Samples.Last<RunStep>("RUN x", args);
        step.ProxyEnvironment.ShouldBe(["HTTP_PROXY=http://p", "no_proxy=x"]);
        step.Environment.ShouldBe([Samples.Path]);
        var declared = Samples.Last<RunStep>("ARG HTTP_PROXY\nRUN x", args);
        declared.ProxyEnvironment.ShouldBe(["no_proxy=x"]);
        declared.Environment.ShouldBe([Samples.Path, "HTTP_PROXY=http://p"]);
    }

    [Fact]
    public void Plan_NoPathInTheImage_GetsDockersDefault() =>
        Samples.Last<RunStep>("RUN x", image: Samples.Base() with { Config = new() }).Environment.ShouldBe([Samples.Path]);

    [Fact]
    public void Plan_RunHeredocs_ShellGetsThemBack()
    {
        Samples.Last<RunStep>("RUN <<-E\n\techo $a\n\tE\n").Argv.ShouldBe(["/bin/sh", "-c", "echo $a\n"]);
        Samples.Last<RunStep>("RUN <<E cat > /x\n1\nE\n").Argv.ShouldBe(["/bin/sh", "-c", "<<E cat > /x\n1\nE"]);
        Samples.Last<RunStep>("RUN <<\"E F\"\n1\nE F\n").Argv.ShouldBe(["/bin/sh", "-c", "1\n"]);
        Samples.Last<RunStep>("RUN cat <<A <<'B' >/x\n1\nA\n2\nB\n").Argv.ShouldBe(["/bin/sh", "-c", "cat <<A <<'B' >/x\n1\nA\n2\nB"]);
    }

    [Fact]
    public void Plan_RunText_IsNotExpanded() => Samples.Last<RunStep>("ENV a=1\nRUN echo $a \"${b}\" \\$c").Argv[2].ShouldBe("echo $a \"${b}\" \\$c");

    [Theory]
    [InlineData("COPY a /d", "/d", false)]
    [InlineData("COPY a /d/", "/d", true)]
    [InlineData("COPY a .", "/w", true)]
    [InlineData("COPY a ./x", "/w/x", false)]
    [InlineData("COPY a ../../x/", "/x", true)]
    [InlineData("COPY a $v/y", "/w/val/y", false)]
    [InlineData("COPY [\"a b\", \"/c d/\"]", "/c d", true)]
    [InlineData("COPY a /", "/", true)]
    public void Plan_CopyDestination(string copy, string destination, bool isDirectory)
    {
        var step = Samples.Last<CopyStep>("WORKDIR /w\nENV v=val\n" + copy);
        (step.Destination, step.DestinationIsDirectory).ShouldBe((destination, isDirectory));
    }

    [Fact]
    public void Plan_Add_UrlsChecksumAndUnpack()
    {
        var sum = Digest.Compute("x"u8);
        var step = Samples.Last<CopyStep>($"ADD --checksum={sum} https://h.example/a.tgz /t/");
        step.Urls.ShouldBe(["https://h.example/a.tgz"]);
        step.Checksum.ShouldBe(sum);
        (step.IsAdd, step.Unpack, step.UnpackUrls).ShouldBe((true, true, false));
        Samples.Last<CopyStep>("ADD --unpack=false a.tgz /t/").Unpack.ShouldBeFalse();
        Samples.Last<CopyStep>("COPY --link --parents --exclude=*.md --exclude=b a/x c/ /t/").ShouldSatisfyAllConditions(
            s => s.Link.ShouldBeTrue(), s => s.Parents.ShouldBeTrue(), s => s.Exclude.ShouldBe(["*.md", "b"]), s => s.Unpack.ShouldBeFalse());
    }

    [Theory]
    [InlineData("COPY a b /d", "must be a directory and end with a /")]
    [InlineData("COPY <<A b /d\nA", "must be a directory and end with a /")]
    [InlineData("COPY --from=x a /d", "COPY --from=x is not permitted")]
    [InlineData("COPY https://h/x /d", "source can't be a URL for COPY")]
    [InlineData("ADD git@host:x.git /d", "git repositories are not supported")]
    [InlineData("ADD https://host/x.git#v1 /d", "git repositories are not supported")]
    [InlineData("ADD --checksum=md5:1 https://h/x /d", "is not a digest")]
    [InlineData("ADD --checksum=sha256:1 x /d", "checksum requires HTTP(S) sources")]
    [InlineData("COPY --chmod=9 a /d", "invalid chmod parameter: '9'")]
    [InlineData("COPY --chmod=17777 a /d", "invalid chmod parameter")]
    [InlineData("COPY --chown=:: a /d", "--chown=:: is empty")]
    [InlineData("COPY --chown=4294967296 a /d", "out of range")]
    [InlineData("COPY --chown=$none a /d", "is empty after expansion")]
    [InlineData("COPY --link --chown=cnb a /d", "--chown=cnb needs the image's passwd and group files, which --link does not see")]
    [InlineData("ADD --link --chown=1:cnb a /d", "write numbers, or leave --link out")]
    [InlineData("COPY <<../x /d\nx\n../x", "cannot be the name of a file")]
    [InlineData("RUN <<../x\n#!x\n../x", "cannot be the file name of a script")]
    [InlineData("USER $user_id", "empty after expansion")]
    [InlineData("USER 4294967296", "out of range")]
    [InlineData("USER a:b:c", "not of the form")]
    [InlineData("ENV a=${x", "missing '}'")]
    [InlineData("ENV $x=1", "empty after expansion")]
    [InlineData("EXPOSE 99999", "invalid containerPort")]
    [InlineData("VOLUME [\"\"]", "can not be an empty string")]
    [InlineData("HEALTHCHECK --interval=soon CMD x", "is not a duration")]
    [InlineData("RUN --network=host x", "network mode host is not permitted")]
    [InlineData("RUN --network=x x", "unknown network mode")]
    [InlineData("RUN --security=insecure x", "security mode 'insecure' is not permitted")]
    public void Plan_Bad_SaysWhat(string body, string what)
    {
        var message = Samples.Fails(body).Message;
        message.ShouldContain(what);
        message.ShouldStartWith("run.Dockerfile:3:");
    }

    [Fact]
    public void Plan_NameWithEqualsAfterExpansion_IsRefused() => Samples.Fails("ARG x='a=b'\nENV $x=1").Message.ShouldContain("has a '=' in it");

    [Fact]
    public void Plan_DoublingVariables_AreBounded() =>
        Samples.Fails("ENV a=0123456789\n" + string.Concat(Enumerable.Repeat("ENV a=$a$a\n", 60))).Message.ShouldContain("longer than");

    [Fact]
    public void Plan_ManyVariables_AreBounded()
    {
        var body = "ENV v=" + new string('x', 100_000) + "\n" + string.Concat(Enumerable.Range(0, 30).Select(i => $"ENV v{i}=$v\n"));
        Samples.Fails(body).Message.ShouldContain("environment is larger");
    }

    [Theory]
    [InlineData("ENV", "v{0}=1", "more than 4096 variables")]
    [InlineData("LABEL", "v{0}=1", "more than 4096 labels")]
    [InlineData("ARG", "v{0}", "more than 1024 ARGs")]
    [InlineData("VOLUME", "/v{0}", "more than 4096 Volumes")]
    [InlineData("COPY", "v{0}", "more than 1000 sources")]
    public void Plan_CountsAreBounded(string keyword, string item, string what) =>
        Samples.Fails(keyword + " " + string.Join(" \\\n", Enumerable.Range(0, 100_000).Select(i => item.Replace("{0}", i.ToString()))) + (keyword == "COPY" ? " /d/" : "")).Message.ShouldContain(what);

    [Fact]
    public void Parse_ManyFlagsOnManyLines_IsFast()
    {
        var text = "COPY " + string.Concat(Enumerable.Repeat("--exclude=a \\\n", 200_000)) + "a /d";
        Dockerfile.Parse(text, "f").Instructions[0].Flags[^1].Line.ShouldBe(200_000);
    }

    [Fact]
    public void Plan_ShortGroup_IsKept() =>
        Samples.Config("ARG user_id group_id\nUSER ${user_id}:${group_id}", [new("user_id", "1001"), new("group_id", "")]).User.ShouldBe("1001:");

    [Fact]
    public void Plan_WorkdirRoot_NeedsNoLayer() => Samples.Last<ConfigStep>("WORKDIR /x/..").Next.Config.WorkingDir.ShouldBe("/");

    [Fact]
    public void After_AddsTheLayerThatWasMade()
    {
        var step = Samples.Last<RunStep>("RUN x");
        step.After(Samples.NewLayer).DiffIds.ShouldBe([Samples.BaseLayer, Samples.NewLayer]);
        step.After(null).DiffIds.ShouldBe([Samples.BaseLayer]);
        step.After(default(Digest)).DiffIds.ShouldBe([Samples.BaseLayer]);
    }

    [Fact]
    public void Start_WithoutExactlyOneFrom_Throws()
    {
        Should.Throw<DockerfileException>(() => StagePlanner.Start(Dockerfile.Parse("FROM a\nFROM b", "f"), Samples.Base(), [])).Message.ShouldStartWith("f:2:1: file has 2 FROM");
        Should.Throw<DockerfileException>(() => StagePlanner.Start(Dockerfile.Parse("ARG a", "f"), Samples.Base(), []));
    }

    [Fact]
    public void Json_EverythingRoundTrips()
    {
        const string Body = "ARG y=1\nENV X=1\nLABEL a=b\nEXPOSE 80\nHEALTHCHECK NONE\nONBUILD RUN a\nSHELL [\"/bin/bash\",\"-c\"]\nCMD a\nENTRYPOINT [\"b\"]\nWORKDIR /w\n" +
            "RUN --mount=type=cache,target=/c,uid=5 --network=none <<E\n#!/bin/x\nE\nCOPY --chmod=644 --chown=a:b <<F s /d/\nx\nF\nADD --checksum=sha256:" +
            "0000000000000000000000000000000000000000000000000000000000000000 https://h/x /d/\nUSER u";
        foreach (var step in Samples.Plan(Body, [new("y", "2")]))
        {
            var json = JsonSerializer.Serialize<PlannedStep>(step);
            var back = JsonSerializer.Deserialize<PlannedStep>(json)!;
            back.GetType().ShouldBe(step.GetType());
            JsonSerializer.Serialize(back).ShouldBe(json);
        }
        var file = ExtensionDockerfile.Read("FROM ${base_image}\n" + Body, "run.Dockerfile", ImageKind.Run);
        var text = JsonSerializer.Serialize(file);
        JsonSerializer.Serialize(JsonSerializer.Deserialize<ExtensionDockerfile>(text)).ShouldBe(text);
        JsonSerializer.Deserialize<ExtensionDockerfile>(text)!.Dockerfile.Instructions.ShouldAllBe(i => i.Source.Line > 0 && i.Text.Length > 0);
        var index = ContextIndex.Create([new("a", ContextEntryType.File, 420, 1, Samples.NewLayer), new("l", ContextEntryType.SymbolicLink, 511, LinkTarget: "a")]);
        JsonSerializer.Deserialize<ContextIndex>(JsonSerializer.Serialize(index))!.Entries.ShouldBe(index.Entries);
    }
}
