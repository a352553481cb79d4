using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Context;
using Grid.Grains.Builds;
using Grid.Grains.Machines;
using Grid.Lifecycle;
using Grid.Lifecycle.Extend;
using Grid.Buildpacks;
using Grid.Oci.Images;

namespace Grid.Grains.Tests.Machines;

public sealed class ExtensionChainTests
{
    private const string From = "ARG base_image\nFROM ${base_image}\n";

    /// <summary>A chain walked to its end; each step that has a key leaves a layer.</summary>
    internal sealed class Walk
    {
        public Walk(string text, ImageKind kind = ImageKind.Run, string? user = "1000:1001")
            : this(kind, user, Samples.Dockerfile(kind, From + text)) { }

        public Walk(ImageKind kind, string? user, params ExtensionDockerfileSource[] files)
            : this(kind, user, _ => [], files) { }

        public Walk(ImageKind kind, string? user, Func<ChainStep, string[]?> rootUsers, params ExtensionDockerfileSource[] files)
        {
            Request = new ExtendRequest
            {
                BuildKey = "tenant/b", Kind = kind, Base = Samples.Image("base", user), Dockerfiles = files, Scope = "tenant", BuildId = "the-build-id", Node = "node-1",
                Owner = GrainId.Create("test", "owner"),
            };
            Chain = new ExtensionChain(Request, _ => ContextIndex.Empty, new SharedStepPolicy());
            End = Chain.Start();
            while (Chain.Next(End) is { } step)
            {
                Steps.Add(step);
                End = Chain.After(End, step, Result(step, End) is { } result ? result with { RootUsers = rootUsers(step) } : null);
            }
        }

        public static CachedStep? Result(ChainStep step, ChainPosition position) => step.Key is null ? null : new CachedStep
        {
            Layer = Samples.LayerOf("layer " + position.Number), Key = step.Key, BuildKey = "tenant/b", CreatedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
        };

        public ExtendRequest Request { get; }

        public ExtensionChain Chain { get; }

        public List<ChainStep> Steps { get; } = [];

        public ChainPosition End { get; }

        public ExtendedImage Image => Chain.Finish(End);

        public IReadOnlyList<string> Env => End.Image.Config.Env ?? [];
    }

    [Fact]
    [Spec("image_extension/args.base-image", "image_extension/args.base-image.first", "image_extension/args.user.first")]
    [Spec("image_extension/config.build-value")]
    public void Arguments_OursAndExtendConfigs_HaveTheirValues()
    {
        var walk = new Walk(ImageKind.Run, "1000:1001", Samples.Dockerfile(ImageKind.Run,
            From + "ARG build_id\nARG user_id\nARG group_id\nARG color\nENV GOT=${build_id}-${user_id}-${group_id}-${color}\n", args: new BuildArg("color", "blue")));

        walk.Env.ShouldContain("GOT=the-build-id-1000-1001-blue");
    }

    [Theory]
    [InlineData("1000", "1000-")]
    [InlineData("cnb", "cnb-")]
    [InlineData("1000:", "1000-")]
    [InlineData(null, "-")]
    [Decision(34)]
    public void Arguments_UserWithoutAGroup_HasAnEmptyGroupId(string? user, string expected) =>
        new Walk("ARG user_id\nARG group_id\nENV GOT=${user_id}-${group_id}\n", user: user).Env.ShouldContain("GOT=" + expected);

    [Fact]
    public void Arguments_ExtendConfigWins_OverOursButNotOverTheBase()
    {
        var walk = new Walk(ImageKind.Run, "1000:1001", Samples.Dockerfile(ImageKind.Run, From + "ARG user_id\nENV GOT=${user_id}\n",
            args: [new BuildArg("user_id", "7"), new BuildArg("base_image", "registry.example/evil")]));

        walk.Env.ShouldContain("GOT=7");
        walk.Image.Base.Location.ShouldContain("/base@");
    }

    [Fact]
    [Spec("image_extension/args.user.next")]
    public void Arguments_UserIsReadAgainForEachDockerfile()
    {
        var walk = new Walk(ImageKind.Run, "1000:1001",
            Samples.Dockerfile(ImageKind.Run, From + "ARG user_id\nENV FIRST=${user_id}\nUSER 5:6\n", "samples/a"),
            Samples.Dockerfile(ImageKind.Run, From + "ARG user_id\nARG group_id\nENV SECOND=${user_id}-${group_id}\n", "samples/b"));

        walk.Env.ShouldContain("FIRST=1000");
        walk.Env.ShouldContain("SECOND=5-6");
    }

    [Fact]
    public void Numbers_run_through_all_Dockerfiles()
    {
        var walk = new Walk(ImageKind.Run, "1000:1001",
            Samples.Dockerfile(ImageKind.Run, From + "RUN one\nENV A=1\n", "samples/a"),
            Samples.Dockerfile(ImageKind.Run, From, "samples/none"),
            Samples.Dockerfile(ImageKind.Run, From + "RUN two\n", "samples/b"));

        walk.Steps.Select(s => (s.Name.Number, s.Name.Total, s.Name.Extension, s.Key is not null))
            .ShouldBe([(1, 3, "samples/a", true), (2, 3, "samples/a", false), (3, 3, "samples/b", true)]);
        walk.Image.Added.Select(a => (a.ExtensionId, a.CreatedBy)).ShouldBe([("samples/a", "RUN one"), ("samples/b", "RUN two")]);
        ExtensionChain.Label(walk.Steps[2]).ShouldBe("extension samples/b@1.0, run.Dockerfile:3:1: RUN two");
    }

    [Fact]
    [Spec("image_extension/args.base-image.next", "image_extension/extend.apply", "platform/extend.apply")]
    public void The_second_Dockerfile_stands_on_the_layers_of_the_first()
    {
        string KeyBehind(string first) => new Walk(ImageKind.Run, "1000:1001",
            Samples.Dockerfile(ImageKind.Run, From + first, "samples/a"), Samples.Dockerfile(ImageKind.Run, From + "RUN two\n", "samples/b")).Steps[^1].Key!.Digest.Hex;

        KeyBehind("RUN one\n").ShouldBe(KeyBehind("RUN one\n"));
        KeyBehind("RUN one\n").ShouldNotBe(KeyBehind("ENV A=1\n"));
    }

    [Fact]
    public void A_chain_without_Dockerfiles_is_its_base()
    {
        var walk = new Walk(ImageKind.Build, null);

        walk.Steps.ShouldBeEmpty();
        walk.Image.AllLayers().ShouldBe(walk.Request.Base.Layers);
        walk.Image.Rebasable.ShouldBeNull();
        walk.Chain.Records(walk.End).ShouldBeEmpty();
    }

    private static Walk OnRoot(string text, string user, params string[]?[] rootUsers)
    {
        var step = 0;
        return new Walk(ImageKind.Run, user, _ => rootUsers[step++], Samples.Dockerfile(ImageKind.Run, From + text));
    }

    [Theory]
    [Spec("platform/extend.root")]
    [InlineData("RUN x\nUSER toor", "toor")]
    [InlineData("RUN x\nUSER toor:5", "toor:5")]
    [InlineData("RUN x\nUSER 1000", "1000")]
    [InlineData("RUN x", "1000:1001")]
    public void Finish_UserThatPasswdMakesRoot_IsRefused(string text, string user)
    {
        var error = Should.Throw<LifecycleException>(() => OnRoot(text, "1000:1001", ["toor", "1000"]).Image);
        error.Message.ShouldContain($"extension samples/tools@1.0, run.Dockerfile: the run image would end with user root (USER is '{user}', which is user 0 in the image's /etc/passwd)");
        error.ExitCode.ShouldBe(ExitCode.ExtendError);
    }

    [Fact]
    public void Finish_WhatTheLastStepThatLookedSays_Counts()
    {
        OnRoot("RUN x\nUSER toor\nRUN y", "1000", ["toor"], []).Image.Config.Config.User.ShouldBe("toor");
        // A linked copy that brings no passwd says nothing about it.
        Should.Throw<LifecycleException>(() => OnRoot("RUN x\nCOPY --link <<E /f\nE\nUSER toor", "1000", ["toor"], null).Image);
        OnRoot("RUN x\nCOPY --link <<E /etc/passwd\nE\nUSER toor", "1000", ["toor"], []).Image.Config.Config.User.ShouldBe("toor");
    }

    [Fact]
    public void Next_UserOfAChainInWhichNothingLookedIntoTheImage_IsLookedUpOnce()
    {
        var walk = OnRoot("ENV A=1\nUSER other\nLABEL x=y\n", "1000", [[]]);
        walk.Steps.Select(s => (s.Name.Text, s.Name.Line, s.Key is not null)).ShouldBe([("ENV A=1", 3, false), ("USER other", 4, false), ("LABEL x=y", 5, false), ("USER other", 5, true)]);
        walk.Image.Added.ShouldHaveSingleItem();
        Should.Throw<LifecycleException>(() => OnRoot("USER other", "1000", [["other"]]).Image).Message.ShouldContain("'other', which is user 0");
        // Who looks and finds nothing to tell is not asked again.
        OnRoot("USER other", "1000", [null]).Steps.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("ENV A=1", "cnb:cnb")]
    [InlineData("USER cnb:5", "cnb")]
    public void Next_UserOfTheBase_IsTheBasesOwnAffair(string text, string user) => OnRoot(text, user).Steps.ShouldHaveSingleItem();

    [Fact]
    public void Finish_HasTheConfigurationAndDiffIdsOfTheEnd()
    {
        var walk = new Walk("ENV A=1\nRUN one\nLABEL x=y\nWORKDIR /\n");

        walk.Image.Config.Config.Env!.ShouldContain("A=1");
        walk.Image.Config.Config.Labels!["x"].ShouldBe("y");
        walk.Image.Config.RootFs.DiffIds.ShouldBe([.. walk.Request.Base.Config.RootFs.DiffIds, .. walk.Image.Added.Select(a => a.Layer.DiffId)]);
    }

    [Theory]
    [InlineData(ImageKind.Run, "USER root\n", true)]
    [InlineData(ImageKind.Run, "USER 0\n", true)]
    [InlineData(ImageKind.Run, "USER 0:0\n", true)]
    [InlineData(ImageKind.Run, "USER root\nRUN one\nARG user_id\nUSER ${user_id}\n", false)]
    [InlineData(ImageKind.Run, "RUN one\n", false)]
    [InlineData(ImageKind.Build, "USER root\nRUN one\n", false)]
    [Spec("platform/extend.root")]
    public void Finish_EndsAsRoot_IsRefusedForRunImages(ImageKind kind, string text, bool refused)
    {
        var walk = new Walk(text, kind);
        if (refused)
            Should.Throw<LifecycleException>(() => walk.Image).Message.ShouldContain("samples/tools");
        else
            walk.Image.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(true, "LABEL io.buildpacks.rebasable=true\n")]
    [InlineData(false, "RUN one\n")]
    [InlineData(false, "LABEL io.buildpacks.rebasable=false\n")]
    [InlineData(true, "LABEL io.buildpacks.rebasable=true\n", "LABEL io.buildpacks.rebasable=true\nRUN two\n")]
    [InlineData(false, "LABEL io.buildpacks.rebasable=true\n", "RUN two\n")]
    [InlineData(false, "RUN one\n", "LABEL io.buildpacks.rebasable=true\n")]
    [Spec("platform/extend.rebasable", "image_extension/run.rebasable")]
    [Decision(15)]
    public void Rebasable_NeedsEachDockerfilesOwnWord(bool rebasable, params string[] texts) =>
        new Walk(ImageKind.Run, "1000:1001", [.. texts.Select((t, n) => Samples.Dockerfile(ImageKind.Run, From + t, "samples/" + n))]).Image.Rebasable.ShouldBe(rebasable);

    [Fact]
    public void Records_KeepEachDockerfilesStepsAndArguments()
    {
        var walk = new Walk(ImageKind.Run, "1000:1001",
            Samples.Dockerfile(ImageKind.Run, From + "RUN one\nENV A=1\nRUN two\n", "samples/a", new BuildArg("color", "blue")),
            Samples.Dockerfile(ImageKind.Run, From + "ENV B=1\n", "samples/b"));
        var records = walk.Chain.Records(walk.End);

        records.Select(r => (r.ExtensionId, r.Steps.Length)).ShouldBe([("samples/a", 2), ("samples/b", 0)]);
        records[0].Steps.Select(s => s.Line).ShouldBe([3, 5]);
        records[0].Args.ShouldBe([new BuildArg("color", "blue")]);
        records[0].Steps[1].DiffId.ShouldBe(Samples.LayerOf("layer 2").DiffId);
        records.ShouldAllBe(r => r.BaseImage == Samples.DigestOf("base"));
    }

    [Fact]
    [Decision(20)]
    public void Label_TellsWhatEachDockerfileDid()
    {
        var walk = new Walk(ImageKind.Run, "1000", Samples.Dockerfile(ImageKind.Run, From + "RUN one\n", "samples/a"));

        var label = ExtensionLabel.For(walk.Chain.Records(walk.End), withDates: true);

        label.Keys.ShouldBe(["io.grid.extensions.metadata"]);
        var record = System.Text.Json.Nodes.JsonNode.Parse(label.Values.Single())![0]!;
        ((string?)record["id"], (string?)record["kind"], (string?)record["baseImage"]).ShouldBe(("samples/a", "run", Samples.DigestOf("base").ToString()));
        ((int?)record["steps"]![0]!["line"], (string?)record["steps"]![0]!["diffId"]).ShouldBe((3, Samples.LayerOf("layer 0").DiffId.ToString()));
        ExtensionLabel.For([], withDates: true).ShouldBeEmpty();
    }

    [Fact]
    public void Position_survives_storage_in_the_middle_of_a_Dockerfile()
    {
        var walk = new Walk("ARG build_id\nARG color=red\nRUN one\nENV C=${color}\nRUN two ${build_id}\n");
        var position = walk.Chain.Start();
        foreach (var expected in walk.Steps)
        {
            position = System.Text.Json.JsonSerializer.Deserialize<ChainPosition>(System.Text.Json.JsonSerializer.Serialize(position))!;
            var step = new ExtensionChain(walk.Request, _ => ContextIndex.Empty, new SharedStepPolicy()).Next(position)!;
            step.Key?.Digest.ShouldBe(expected.Key?.Digest ?? default);
            (step.Key is null).ShouldBe(expected.Key is null);
            step.Name.ShouldBe(expected.Name);
            position = walk.Chain.After(position, step, Walk.Result(step, position));
        }
        walk.Chain.Next(position).ShouldBeNull();
        walk.Chain.Finish(position).Config.Config.Env!.ShouldContain("C=red");
    }
}
