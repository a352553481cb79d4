using Grid.Dockerfiles.Syntax;

namespace Grid.Dockerfiles;

/// <summary>The verdicts recorded from the reference lifecycle (detect cases 2xx), and where we differ on purpose.</summary>
public sealed class ExtensionDockerfileTests
{
    private const string AllInstructions = """
        ARG base_image
        FROM ${base_image}
        EXPOSE 80
        VOLUME /v
        CMD ["x"]
        ENTRYPOINT ["y"]
        STOPSIGNAL 9
        HEALTHCHECK NONE
        ONBUILD RUN true
        MAINTAINER me
        ENV A=b
        LABEL a=b
        SHELL ["/bin/bash","-c"]
        WORKDIR /w
        COPY a b
        ADD a b
        RUN true
        """;

    private static ExtensionDockerfile Build(string text) => ExtensionDockerfile.Read(text, "build.Dockerfile", ImageKind.Build);

    private static ExtensionDockerfile Run(string text) => ExtensionDockerfile.Read(text, "run.Dockerfile", ImageKind.Run);

    [Theory]
    [InlineData("200", "ARG base_image\nFROM ${base_image}\nUSER root\nRUN echo build\nARG user_id\nUSER ${user_id}\n")]
    [InlineData("221", "ARG base_image=0\nFROM ${base_image}\nRUN true\n")]
    [InlineData("226", "arg base_image\nfrom ${base_image}\nrun true\n")]
    [InlineData("227", "# escape=`\n# comment\nARG base_image\n\nFROM ${base_image}\nRUN echo a `\n  && echo b\n")]
    [Spec("image_extension/build.begin")]
    [Decision(12)]
    public void Read_BuildAccepted(string id, string text)
    {
        var file = Build(text);
        file.SwitchTo.ShouldBeNull(id);
        file.Extends.ShouldBeTrue();
        file.Warnings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("202", "FROM registry.local/run:other\n", "registry.local/run:other", false)]
    [InlineData("204", "FROM registry.local/run:other\nUSER root\nRUN echo hi\n", "registry.local/run:other", true)]
    [InlineData("205", "FROM registry.local/run:base\n", "registry.local/run:base", false)]
    [InlineData("207", "ARG base_image\nFROM ${base_image}\n", null, false)]
    [InlineData("222", "FROM ${base_image}\nRUN true\n", null, true)]
    [InlineData("224", "ARG base_image\nFROM ${base_image} AS final\nRUN true\n", null, true)]
    [InlineData("226", "from registry.local/run:other\nrun true\n", "registry.local/run:other", true)]
    [InlineData("227", "# syntax=docker/dockerfile:1\nARG base_image\nFROM ${base_image}\nRUN <<E\necho hi\nE\nCOPY <<F /f\nx\nF\n", null, true)]
    [InlineData("252", "FROM registry.local/unknown:2\n", "registry.local/unknown:2", false)]
    // The reference takes $base_image for an image's name (223); the specification means the variable.
    [InlineData("223", "ARG base_image\nFROM $base_image\nRUN true\n", null, true)]
    [Spec("platform/detect.ext.all-extend")]
    [Decision(11)]
    public void Read_RunAccepted(string id, string text, string? switchTo, bool extends)
    {
        var file = Run(text);
        file.SwitchTo.ShouldBe(switchTo, id);
        file.Extends.ShouldBe(extends, id);
        file.Warnings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("212", "FROM ${base_image}\nRUN true\n", "build.Dockerfile did not start with required ARG command")]
    [InlineData("214", "ARG base_image\nFROM $base_image\nRUN true\n", "build.Dockerfile did not contain required FROM ${base_image} command")]
    [InlineData("217", "", "file with no instructions")]
    [InlineData("219", "ARG base_image\nFROM ${base_image}\nFROBNICATE x\n", "dockerfile parse error on line 3: unknown instruction: FROBNICATE")]
    [InlineData("other name", "ARG other\nFROM ${base_image}\n", "build.Dockerfile did not start with required ARG command")]
    [InlineData("two ARGs", "ARG base_image\nARG b\nFROM ${base_image}\n", "build.Dockerfile did not start with required ARG command")]
    [InlineData("two stages", "FROM a\nFROM b\n", "build.Dockerfile is not permitted to use multistage build")]
    [InlineData("another image", "ARG base_image\nFROM debian\n", "build.Dockerfile did not contain required FROM ${base_image} command")]
    [Spec("image_extension/build.begin", "image_extension/build.from")]
    [Decision(12)]
    public void Read_BuildRefused_InTheReferencesWords(string id, string text, string what) =>
        Should.Throw<DockerfileException>(() => Build(text)).What.ShouldBe(what, id);

    [Theory]
    [InlineData("216", "ARG base_image\nFROM ${base_image}\nRUN true\nFROM ${base_image}\nRUN true\n", "run.Dockerfile is not permitted to use multistage build")]
    [InlineData("scratch", "FROM scratch\nCOPY a /\n", "FROM scratch is not permitted in run.Dockerfile")]
    [InlineData("variables", "ARG v=12\nFROM debian:$v\n", "FROM debian:$v uses variables other than base_image")]
    [InlineData("copy", "FROM ${base_image}\nCOPY --from=evil /a /b\n", "COPY --from is not permitted in an extension's Dockerfile")]
    [InlineData("trigger", "FROM ${base_image}\nONBUILD COPY --from=evil /a /cnb\n", "COPY --from is not permitted in an extension's Dockerfile")]
    [InlineData("no stage", "RUN a\nFROM ${base_image}\n", "no build stage in current context")]
    [Spec("image_extension/run.from")]
    [Decision(11)]
    [Decision(13)]
    public void Read_RunRefused(string id, string text, string what) => Should.Throw<DockerfileException>(() => Run(text)).What.ShouldBe(what, id);

    [Theory]
    [InlineData("RUN --mount=type=cache,target=/c,suid echo $HOME", "run.Dockerfile:4:5: unexpected key 'suid' for mount type 'cache'")]
    [InlineData("RUN --mount=target=$a --mount=type=ssh,id=$b true", "run.Dockerfile:4:23: mount type \"ssh\" is not supported")]
    [InlineData("RUN --mount=type=secret,mode=$m,id=x,required=maybe true", "run.Dockerfile:4:5: invalid value for required: maybe")]
    [InlineData("RUN --network=host echo $HOME", "run.Dockerfile:4:5: network mode host is not permitted")]
    [InlineData("RUN --security=insecure echo $HOME", "run.Dockerfile:4:5: security mode 'insecure' is not permitted")]
    [InlineData("COPY a b /d", "run.Dockerfile:4:1: When using COPY with more than one source file")]
    [InlineData("ADD --checksum=md5:1 https://h/x /d", "run.Dockerfile:4:1: ")]
    [InlineData("USER a:b:c", "run.Dockerfile:4:1: user 'a:b:c' is not of the form")]
    [InlineData("EXPOSE 99999", "run.Dockerfile:4:1: invalid containerPort")]
    [InlineData("HEALTHCHECK --interval=soon CMD x", "run.Dockerfile:4:1: ")]
    public void Read_InstructionThatCannotBeRightWhateverItMeets_IsRefusedWithItsPlace(string instruction, string message) =>
        Should.Throw<DockerfileException>(() => Run("FROM ${base_image}\nENV A=$B\nRUN true\n" + instruction + "\nRUN true\n")).Message.ShouldStartWith(message);

    [Theory]
    [InlineData("RUN --mount=type=$t,suid true")]
    [InlineData("RUN --mount=type=cache,target=$c,sharing=$s,mode=$m,uid=$u,readonly=$r true")]
    [InlineData("RUN --mount=type=tmpfs,target=/t,size=$s true")]
    [InlineData("RUN --mount=type=secret,id=$i,env=$e true")]
    [InlineData("USER $user_id")]
    [InlineData("COPY <<E /f\n${x:?}\nE")]
    [InlineData("COPY $several /d")]
    [InlineData("COPY --chmod=$mode --chown=$who a /d")]
    public void Read_WhatVariablesDecide_IsLeftToTheBuild(string instruction) => Run("FROM ${base_image}\n" + instruction + "\n").Problems().ShouldBeEmpty();

    [Fact]
    [Spec("image_extension/run.others", "image_extension/build.others")]
    public void Read_NotRecommended_WarnsAsCase211()
    {
        string[] names = ["EXPOSE", "VOLUME", "CMD", "ENTRYPOINT", "STOPSIGNAL", "HEALTHCHECK", "ONBUILD", "MAINTAINER"];
        Run(AllInstructions).Warnings.ShouldBe(names.Select((name, i) => $"run.Dockerfile command {name} on line {i + 3} is not recommended"));
        Build(AllInstructions).Warnings.ShouldBe(names.Select((name, i) => $"build.Dockerfile command {name} on line {i + 3} is not recommended"));
        Run(AllInstructions).Extends.ShouldBeTrue();
    }

    [Fact]
    public void Read_Error_NamesFilePlaceAndCure() =>
        Should.Throw<DockerfileException>(() => Build("ARG base_image\n  FROM $base_image")).Message
            .ShouldBe("build.Dockerfile:2:3: build.Dockerfile did not contain required FROM ${base_image} command; write FROM ${base_image} instead of FROM $base_image");

    [Theory]
    [InlineData("LABEL io.buildpacks.rebasable=true", true)]
    [InlineData("LABEL io.buildpacks.rebasable=\"1\"", true)]
    [InlineData("LABEL io.buildpacks.rebasable true", true)]
    [InlineData("LABEL a=b \"io.buildpacks.rebasable\"=T", true)]
    [InlineData("LABEL io.buildpacks.rebasable=true\nLABEL io.buildpacks.rebasable=false", false)]
    [InlineData("LABEL io.buildpacks.rebasable=yes", false)]
    [InlineData("LABEL io.buildpacks.rebasable=$x", false)]
    [InlineData("LABEL io.buildpacks.rebasable=\"", false)]
    [InlineData("RUN true", false)]
    [Decision(15)]
    public void SetsRebasable_CountsOwnInstructionsOnly(string body, bool expected) =>
        ExtensionDockerfile.ReadWhole("FROM ${base_image}\n" + body, "run.Dockerfile", ImageKind.Run).SetsRebasable.ShouldBe(expected);
}
