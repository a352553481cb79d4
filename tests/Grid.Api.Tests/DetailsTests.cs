using System.Net;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Tests;
using Grid.Oci;

namespace Grid.Api.Tests;

/// <summary>What a build consists of, while it runs and afterwards.</summary>
public sealed class DetailsTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    /// <summary>Two steps that no other test has in the cache.</summary>
    private static string Two(string name) => $"ARG base_image\nFROM ${{base_image}}\nRUN {name} first\nRUN {name} second\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<(GridClient Client, BuildResource Build)> SubmitAsync(string name)
    {
        var client = await api.AsAsync("red", Role.Builder);
        using var bytes = new MemoryStream("source"u8.ToArray());
        var digest = Digest.Compute("source"u8).ToString();
        await client.UploadAsync("red", digest, bytes, Stop);
        var build = await client.SubmitBuildAsync("red", new BuildSubmission
        {
            Image = $"registry.example/details/{name}:v1", Builder = "registry.example/builder:1",
            Source = new SourceUpload(digest, Digest.Compute("tar"u8).ToString(), 6, "application/vnd.oci.image.layer.v1.tar+gzip"),
        }, Guid.NewGuid().ToString(), Stop);
        return (client, build);
    }

    private void Detects(string name) => api.Grid.Node.Detect = work => work.Targets[0].Contains("details/" + name, StringComparison.Ordinal)
        ? Samples.Detection(Samples.Dockerfile(ImageKind.Run, Two(name), "samples/" + name)) : Samples.Detection();

    [Fact]
    public async Task Details_OfAFinishedBuild_HaveGroupStepsLayersAndTimes()
    {
        Detects("whole");
        var (client, build) = await SubmitAsync("whole");
        (await api.Grid.EndAsync($"red/{build.Id}")).State.ShouldBe(BuildState.Succeeded);

        var details = await client.GetBuildDetailsAsync("red", build.Id, Stop);

        details.Group!.Buildpacks.Single().ShouldBe(new ModuleResource("samples/app", "1.0"));
        details.Group.Extensions.Single().Id.ShouldBe("samples/tools");
        details.Plan.ShouldNotBeNull();
        details.RunImage.ShouldNotBeNull().ShouldContain("@sha256:");
        var dockerfile = details.Dockerfiles.Single();
        (dockerfile.Extension, dockerfile.Kind, dockerfile.File, dockerfile.Text).ShouldBe(("samples/whole", ImageKind.Run, "run.Dockerfile", Two("whole")));
        dockerfile.Steps.Where(s => s.Text.StartsWith("RUN", StringComparison.Ordinal)).Select(s => (s.Line, s.State, s.Source)).ShouldBe([(3, PhaseState.Done, StepSource.Ran), (4, PhaseState.Done, StepSource.Ran)]);
        dockerfile.Steps.ShouldAllBe(s => s.FinishedAt != null);
        details.Layers.Select(l => l.Origin).ShouldBe([LayerOrigin.Base, LayerOrigin.Extension, LayerOrigin.Extension, LayerOrigin.App]);
        details.Phases.Select(p => p.Phase).ShouldBe(Enum.GetValues<Phase>());
        details.Phases.ShouldAllBe(p => p.State == PhaseState.Done && p.StartedAt <= p.FinishedAt);
    }

    [Fact]
    public async Task Details_OfARunningBuild_SayWhichStepRuns()
    {
        Detects("running");
        api.Grid.Node.Holds = i => i is StepWork { Name: { Extension: "samples/running", Line: 4 } };
        var (client, build) = await SubmitAsync("running");
        var held = await api.Grid.Node.StartedAsync<StepWork>(s => s.Name is { Extension: "samples/running", Line: 4 });

        var steps = (await client.GetBuildDetailsAsync("red", build.Id, Stop)).Dockerfiles.Single().Steps;
        steps.Where(s => s.Text.StartsWith("RUN", StringComparison.Ordinal)).Select(s => (s.Line, s.State)).ShouldBe([(3, PhaseState.Done), (4, PhaseState.Running)]);

        api.Grid.Node.Finish(held, new Failure(1, "it did not work"));
        (await api.Grid.EndAsync($"red/{build.Id}")).State.ShouldBe(BuildState.Failed);
        api.Grid.Node.Holds = _ => false;
        var failed = (await client.GetBuildDetailsAsync("red", build.Id, Stop)).Dockerfiles.Single().Steps[^1];
        (failed.Line, failed.State).ShouldBe((4, PhaseState.Failed));
    }

    [Fact]
    public async Task Details_OfABuildThatIsNot_AreNotFound()
    {
        var client = await api.AsAsync("red", Role.Viewer);
        (await Should.ThrowAsync<GridApiException>(client.GetBuildDetailsAsync("red", new string('0', 32), Stop))).Status.ShouldBe(HttpStatusCode.NotFound);
    }
}
