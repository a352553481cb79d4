using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Images;
using Orleans.Runtime;

namespace Grid.Worker.Tests;

public sealed class WorkIdentityTests
{
    [Fact]
    public void Of_AnotherAttempt_IsTheSame()
    {
        var first = WorkIdentity.Of(Step("RUN make"));
        WorkIdentity.Of(Step("RUN make") with { Handle = "t/b/build/1#2" }).ShouldBe(first);
        first.ShouldNotBeNull().Owner.ShouldBe("t/b");
        WorkIdentity.PhaseOf(first).ShouldBe(Phase.ExtendBuild);
    }

    [Theory]
    [InlineData("RUN make all")]
    [InlineData("USER 1000\nRUN make")]
    [InlineData("WORKDIR /src\nRUN make")]
    [InlineData("ENV A=b\nRUN make")]
    [InlineData("RUN --network=none make")]
    public void Of_OtherWork_IsAnother(string dockerfile) => WorkIdentity.Of(Step(dockerfile)).ShouldNotBeNull().ShouldNotBe(WorkIdentity.Of(Step("RUN make")));

    [Theory]
    [InlineData("WORKDIR /src")]
    [InlineData("COPY . /src")]
    [InlineData("RUN --mount=type=secret,id=key make")]
    [InlineData("RUN --mount=type=cache,target=/cache,sharing=locked make")]
    [InlineData("RUN --mount=type=cache,target=/cache,sharing=private make")]
    [InlineData("RUN --mount=type=bind,target=/src,rw make")]
    public void Of_WhatCannotBeGoneOnWith_IsNothing(string dockerfile) => WorkIdentity.Of(Step(dockerfile)).ShouldBeNull();

    [Theory]
    [InlineData("RUN --mount=type=cache,target=/cache make")]
    [InlineData("RUN --mount=type=bind,target=/src make")]
    [InlineData("RUN --mount=type=tmpfs,target=/scratch make")]
    public void Of_StepWithWhatTheNextSiloHasToo_IsSomething(string dockerfile) => WorkIdentity.Of(Step(dockerfile)).ShouldNotBeNull();

    /// <summary>The last step of a Dockerfile.</summary>
    private static StepWork Step(string dockerfile)
    {
        var planner = StagePlanner.Start(Dockerfile.Parse("ARG base_image\nFROM ${base_image}\n" + dockerfile, "build.Dockerfile"), new ImageState([], new ContainerConfig(), "linux", "amd64"), []);
        var (state, scope) = (planner.InitialState, planner.InitialScope);
        PlannedStep? step = null;
        for (var position = 0; position < planner.Count; position++)
        {
            step = planner.Plan(position, state, scope);
            (state, scope) = (step.Next, step.Scope);
        }
        var digest = Digest.Compute("layer"u8);
        var layer = new Layer(new Descriptor("application/vnd.oci.image.layer.v1.tar", digest, 5), digest);
        return new StepWork
        {
            Handle = "t/b/build/1#1",
            BuildKey = "t/b",
            Owner = GrainId.Create("grid.extender", "t/b/build"),
            Name = new StepName { Kind = ImageKind.Build, Extension = "e", File = "build.Dockerfile", Line = 3, Text = "RUN make", Number = 1, Total = 1 },
            Input = new StepInput { Label = "RUN make", Parent = [layer], BaseLocation = "base", Step = step!, Context = new BuildContext(layer, digest), Scope = "t" },
        };
    }
}
