using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Grains.Machines;
using Grid.Lifecycle;

namespace Grid.Grains.Tests.Machines;

public sealed class StepScopeTests
{
    private const string From = "ARG base_image\nFROM ${base_image}\n";

    private static readonly SharedStepPolicy Policy = new()
    {
        TrustedImages = [Samples.DigestOf("base"), Samples.DigestOf("builder")],
        Extensions = [new SharedExtension("samples/tools", Network: true), new SharedExtension("samples/offline", "1.0")],
    };

    private static ScopeDecision[] Decide(SharedStepPolicy policy, string baseImage, string builder, params ExtensionDockerfileSource[] files)
    {
        var request = new ExtendRequest
        {
            BuildKey = "tenant/b", Kind = ImageKind.Run, Base = Samples.Image(baseImage), Dockerfiles = files, Scope = "tenant", BuildId = "id", Node = "n", Owner = Orleans.Runtime.GrainId.Create("grid.build", "tenant/b"),
            Builder = builder.Length == 0 ? default : Samples.DigestOf(builder),
        };
        return [.. StepScope.Of(request, [.. files.Select(f => ExtensionDockerfile.Read(f.Text, f.FileName, f.Kind))], policy)];
    }

    private static ScopeDecision Decide(string text, string id = "samples/tools", params BuildArg[] args) =>
        Decide(Policy, "base", "builder", Samples.Dockerfile(ImageKind.Run, From + text, id, args)).Single();

    [Theory]
    [InlineData("RUN apt-get install -y curl\n")]
    [InlineData("ENV A=1\nLABEL x=y\nUSER root\nWORKDIR /w\nSHELL [\"/bin/sh\", \"-c\"]\n")]
    [InlineData("ARG version=1\nRUN echo ${version}\nARG user_id\nARG group_id\nUSER ${user_id}:${group_id}\n")]
    [InlineData("COPY <<TEXT /file\nhello\nTEXT\n")]
    [InlineData("ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 https://example.com/a /a\n")]
    public void Of_EveryInputIsThePlatforms_IsShared(string text) => Decide(text).ShouldBe(new ScopeDecision(StepScope.Shared, null));

    [Theory]
    [InlineData("COPY app /app\n", "context")]
    [InlineData("ADD app /app\n", "context")]
    [InlineData("ADD https://example.com/a /a\n", "checksum")]
    [InlineData("ADD HTTPS://example.com/a /a\n", "context")]
    [InlineData("ARG build_id\nRUN true\n", "build_id")]
    [InlineData("ARG a b build_id=0\nRUN true\n", "build_id")]
    [InlineData("RUN --mount=type=secret,id=token true\n", "mount")]
    [InlineData("RUN --mount=type=cache,target=/c true\n", "mount")]
    [InlineData("RUN --mount=type=bind,target=/c true\n", "mount")]
    [InlineData("RUN one\nRUN --mount=type=tmpfs,target=/c true\n", "mount")]
    public void Of_AnInputThatMayBeTheTenants_IsPrivate(string text, string why)
    {
        var decision = Decide(text);

        decision.Scope.ShouldBe("tenant");
        decision.WhyPrivate!.ShouldContain(why);
    }

    [Fact]
    public void Of_ArgumentsOfExtendConfig_ArePrivate() => Decide("RUN true\n", args: new BuildArg("color", "blue")).WhyPrivate!.ShouldContain("color");

    [Theory]
    [InlineData("RUN --network=none make\n", true)]
    [InlineData("RUN make\n", false)]
    [InlineData("RUN --network=default make\n", false)]
    public void Of_NetworkIsNotAllowed_WantsRunWithoutIt(string text, bool shared) =>
        (Decide(text, "samples/offline").Scope == StepScope.Shared).ShouldBe(shared);

    [Theory]
    [InlineData("base", "builder", true)]
    [InlineData("other", "builder", false)]
    [InlineData("base", "other", false)]
    [InlineData("base", "", false)]
    public void Of_BaseOrBuilderNotTrusted_IsPrivate(string baseImage, string builder, bool shared) =>
        (Decide(Policy, baseImage, builder, Samples.Dockerfile(ImageKind.Run, From + "RUN true\n")).Single().Scope == StepScope.Shared).ShouldBe(shared);

    [Fact]
    public void Of_ExtensionOfAnotherVersion_IsPrivate()
    {
        var file = Samples.Dockerfile(ImageKind.Run, From + "RUN --network=none true\n", "samples/offline") with { ExtensionVersion = "2.0" };

        Decide(Policy, "base", "builder", file).Single().WhyPrivate!.ShouldContain("samples/offline@2.0");
    }

    [Fact]
    public void Of_APrivateDockerfile_MakesAllBehindItPrivate()
    {
        var decisions = Decide(Policy, "base", "builder",
            Samples.Dockerfile(ImageKind.Run, From + "RUN true\n"), Samples.Dockerfile(ImageKind.Run, From + "COPY a /a\n"), Samples.Dockerfile(ImageKind.Run, From + "RUN true\n"));

        decisions.Select(d => d.Scope).ShouldBe([StepScope.Shared, "tenant", "tenant"]);
    }

    [Fact]
    public void Of_NothingConfigured_IsPrivate() =>
        Decide(new SharedStepPolicy(), "base", "builder", Samples.Dockerfile(ImageKind.Run, From + "RUN true\n")).Single().Scope.ShouldBe("tenant");
}
