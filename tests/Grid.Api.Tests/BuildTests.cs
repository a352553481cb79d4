using System.Net;
using System.Text;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Oci;

namespace Grid.Api.Tests;

public sealed class BuildTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static SourceUpload Upload(string content) => new(
        Digest.Compute(Encoding.UTF8.GetBytes(content)).ToString(), Digest.Compute("tar"u8).ToString(), Encoding.UTF8.GetByteCount(content), "application/vnd.oci.image.layer.v1.tar+gzip");

    private static BuildSubmission Submission(string image = "registry.example/team/app:v1", string source = "source") =>
        new() { Image = image, Builder = "registry.example/builder:1", Source = Upload(source) };

    private static async Task<SourceUpload> SendAsync(GridClient client, string tenant, string content = "source")
    {
        using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(content));
        await client.UploadAsync(tenant, Upload(content).Digest, bytes, Stop);
        return Upload(content);
    }

    [Fact]
    public async Task A_build_is_submitted_watched_and_found_again()
    {
        var client = await api.AsAsync("red", Role.Builder);
        await SendAsync(client, "red");
        var build = await client.SubmitBuildAsync("red", Submission(), Guid.NewGuid().ToString(), Stop);

        build.App.ShouldBe("team/app");
        var events = new List<BuildEvent>();
        await foreach (var buildEvent in client.WatchBuildAsync("red", build.Id, 0, Stop))
            events.Add(buildEvent);
        events[0].ShouldBeOfType<BuildStarted>();
        events[^1].ShouldBeOfType<BuildFinished>().State.ShouldBe(BuildState.Succeeded);
        events.OfType<PhaseFinished>().Count().ShouldBe(7);

        var rest = new List<BuildEvent>();
        await foreach (var buildEvent in client.WatchBuildAsync("red", build.Id, events.Count - 2, Stop))
            rest.Add(buildEvent);
        rest.Count.ShouldBe(2);
        // The event that was seen last is read again, and nothing before it.
        api.Grid.Events.ReadFrom.ShouldContain(($"red/{build.Id}", events.Count - 3));
        (await client.WatchBuildAsync("red", build.Id, events.Count, Stop).ToListAsync(Stop)).ShouldBeEmpty();
        var error = await Should.ThrowAsync<GridApiException>(client.WatchBuildAsync("red", build.Id, 1_000_000, Stop).ToListAsync(Stop).AsTask());
        error.Status.ShouldBe(HttpStatusCode.BadRequest);

        var found = await client.GetBuildAsync("red", build.Id, Stop);
        found.State.ShouldBe(BuildState.Succeeded);
        found.Digest.ShouldNotBeNull();
        found.FinishedAt.ShouldNotBeNull();
        found.Phases[Phase.Export].ShouldBe(PhaseState.Done);
        (await client.ListBuildsAsync("red", null, null, 50, Stop)).Items.ShouldContain(b => b.Id == build.Id && b.Digest == found.Digest);
        (await client.ListBuildsAsync("red", "team/app", null, 50, Stop)).Items.ShouldContain(b => b.Id == build.Id);
        (await client.ListAppsAsync("red", Stop)).Items.ShouldContain("team/app");
    }

    [Fact]
    public async Task An_image_is_extended_or_rebased_by_itself_and_that_is_a_build_like_any_other()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var context = await SendAsync(client, "red", "context");
        BuildSubmission Extension(string text, SourceUpload? with) => new()
        {
            Image = "registry.example/red/extended:v1",
            Extension = new ImageExtensionSubmission
            {
                Kind = ImageKind.Run, Base = "registry.example/base",
                Dockerfiles = [new DockerfileSubmission { Extension = "tools", File = "run.Dockerfile", Text = text, Args = [new ArgumentResource("word", "hello")], Context = with }],
            },
        };
        const string Text = "ARG base_image\nFROM ${base_image}\nARG word\nRUN echo $word\n";

        var build = await client.SubmitBuildAsync("red", Extension(Text, context), Guid.NewGuid().ToString(), Stop);

        (await api.Grid.EndAsync($"red/{build.Id}")).State.ShouldBe(BuildState.Succeeded);
        var found = await client.GetBuildAsync("red", build.Id, Stop);
        (found.App, found.Phases[Phase.ExtendRun], found.Phases[Phase.Build]).ShouldBe(("red/extended", PhaseState.Done, PhaseState.Skipped));
        (await client.GetBuildDetailsAsync("red", build.Id, Stop)).Dockerfiles.Single().Steps[^1].Text.ShouldContain("echo");
        api.Grid.Node.Started.OfType<PinWork>().Single(w => w.BuildKey == $"red/{build.Id}").Extension.Dockerfiles.Single().Context!.Blob.Digest.ToString().ShouldBe(context.Digest);

        var missing = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", Extension(Text, Upload("never sent")), "never", Stop));
        missing.Problem!.Code.ShouldBe("source-missing");
        var wrong = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red",
            Extension("FROM scratch AS other\nENTRYPOINT [\n", null) with { Builder = "registry.example/builder:1", Environment = new Dictionary<string, string> { ["A"] = "b" } }, "wrong", Stop));
        wrong.Problem!.Errors!.Keys.ShouldBe(["builder", "environment", "extension.dockerfiles[0].text"], ignoreOrder: true);
        var neither = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", new BuildSubmission { Image = "registry.example/red/app:v1" }, "neither", Stop));
        neither.Problem!.Errors!.Keys.ShouldBe(["builder", "source"], ignoreOrder: true);

        var rebase = await client.SubmitBuildAsync("red", new BuildSubmission { Image = "registry.example/red/app:v1", RunImage = "registry.example/run:2", Rebase = new ImageRebaseSubmission() }, Guid.NewGuid().ToString(), Stop);
        (await api.Grid.EndAsync($"red/{rebase.Id}")).State.ShouldBe(BuildState.Succeeded);
        (await client.GetBuildAsync("red", rebase.Id, Stop)).Phases.Where(p => p.Value == PhaseState.Done).Select(p => p.Key).ShouldBe([Phase.Export]);
        var both = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", Extension(Text, null) with { Rebase = new ImageRebaseSubmission() }, "both", Stop));
        both.Problem!.Errors!.Keys.ShouldContain("rebase");
    }

    [Fact]
    public async Task Submit_WithTheSameIdempotencyKey_GivesTheSameBuild_AndAnotherRequestIsRefused()
    {
        var client = await api.AsAsync("red", Role.Builder);
        await SendAsync(client, "red");
        var first = await client.SubmitBuildAsync("red", Submission(), "once", Stop);
        (await client.SubmitBuildAsync("red", Submission(), "once", Stop)).Id.ShouldBe(first.Id);

        var error = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", Submission("registry.example/other:v1"), "once", Stop));
        error.Problem!.Code.ShouldBe("idempotency-mismatch");
        error.Status.ShouldBe(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Submit_ToAPool_WaitsThereAndNotElsewhere_AndAPoolThatIsNoneIsRefused()
    {
        var client = await api.AsAsync("red", Role.Builder);
        await SendAsync(client, "red");
        var error = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", Submission() with { Pool = "nowhere" }, "nowhere", Stop));
        error.Problem!.Errors!["pool"].Single().ShouldStartWith("there is no pool 'nowhere'; choose one of ");

        await api.Grid.Grains.GetGrain<IPoolDirectoryGrain>(IPoolDirectoryGrain.Key).AddAsync("large");
        var build = await client.SubmitBuildAsync("red", Submission("registry.example/pooled:1") with { Pool = "large" }, "large", Stop);
        (await client.GetBuildAsync("red", build.Id, Stop)).State.ShouldBe(BuildState.Queued);
        (await api.Grid.Grains.GetGrain<IQueueGrain>("large").FindAsync($"red/{build.Id}")).ShouldNotBeNull();
        await client.CancelBuildAsync("red", build.Id, Stop);
    }

    [Fact]
    public async Task Submit_WithASourceOfAnotherTenant_IsRefused()
    {
        await SendAsync(await api.AsAsync("blue", Role.Builder), "blue", "blue's own");
        var red = await api.AsAsync("red", Role.Builder);

        var error = await Should.ThrowAsync<GridApiException>(red.SubmitBuildAsync("red", Submission(source: "blue's own"), "x", Stop));
        error.Problem!.Code.ShouldBe("source-missing");
    }

    [Fact]
    public async Task Upload_OfOneArchiveBySeveralAtOnce_IsReceivedOnceAndAllGoOn()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var content = new string('x', 500_000);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(client, "red", content)));

        (await client.SubmitBuildAsync("red", Submission(source: content), "many", Stop)).Id.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Submit_WithSeveralErrors_NamesThemAll()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var bad = Submission("UPPER/App") with { Builder = "docker:local", BuildId = "no-uuid", Environment = new Dictionary<string, string> { ["a/b"] = "1" } };

        var error = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("red", bad, "y", Stop));
        error.Status.ShouldBe(HttpStatusCode.BadRequest);
        error.Problem!.Errors!.Keys.ShouldBe(["image", "builder", "buildId", "environment.a/b"], ignoreOrder: true);
    }

    [Fact]
    public async Task Submit_SourceThatANodeFetches_NeedsNoUpload()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var git = Submission("registry.example/fetched:v1") with
        {
            Source = null, Git = new GitSource("https://git.example/team/app") { Revision = "v1", Secret = "git", KnownHosts = null }, SourcePath = "apps/web",
        };
        var build = await client.SubmitBuildAsync("red", git, "git", Stop);
        var work = await api.Grid.Node.StartedAsync<AnalyzeWork>(w => w.BuildKey == $"red/{build.Id}");
        work.Origin.ShouldBe(new SourceOrigin { Git = new GitOrigin { Url = "https://git.example/team/app", Revision = "v1", Secret = "git" }, Path = "apps/web" });
        // The scripted node answers as one of an earlier version does.
        (await api.Grid.EndAsync($"red/{build.Id}")).Failure!.Message.ShouldContain("earlier version");

        var image = await client.SubmitBuildAsync("red", Submission("registry.example/fetched:v2") with { Source = null, SourceImage = "registry.example/sources/app:1" }, "source image", Stop);
        (await api.Grid.Node.StartedAsync<AnalyzeWork>(w => w.BuildKey == $"red/{image.Id}")).Origin!.Image.ShouldBe("registry.example/sources/app:1");
    }

    [Theory]
    [InlineData(null, null, null, "source")]
    [InlineData("https://git.example/app", "registry.example/app", null, "source")]
    [InlineData("file:///etc", null, null, "git.url")]
    [InlineData("https://user:hunter2@git.example/app", null, null, "git.url")]
    [InlineData("https://git.example/app", null, "../x", "sourcePath")]
    [InlineData(null, "oci:/etc", null, "sourceImage")]
    public async Task Submit_SourceThatCannotBeFetched_NamesTheField(string? git, string? image, string? path, string field)
    {
        var client = await api.AsAsync("red", Role.Builder);
        var error = await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync(
            "red", Submission() with { Source = null, Git = git is null ? null : new GitSource(git), SourceImage = image, SourcePath = path }, Guid.NewGuid().ToString(), Stop));
        error.Problem!.Errors!.Keys.ShouldContain(field);
        error.Problem.Detail!.ShouldNotContain("hunter2");
    }

    [Theory]
    [InlineData("per-build")]
    [InlineData("per-period=24h")]
    [InlineData("pinned=0d4ee5b2-0a6c-4d5e-8c3a-1f6e5f1d2c3b")]
    [InlineData("0d4ee5b2-0a6c-4d5e-8c3a-1f6e5f1d2c3b")]
    public async Task Submit_BuildIdPolicy_IsTaken(string policy)
    {
        var client = await api.AsAsync("red", Role.Builder);
        await SendAsync(client, "red");
        (await client.SubmitBuildAsync("red", Submission() with { BuildId = policy }, "build id " + policy, Stop)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Policy_OfTheTenant_IsEnforced_AndNamesWhatIsAllowed()
    {
        await api.Operator.SetTenantAsync("green", new TenantSettingsResource
        {
            AllowedBuilders = ["registry.example/builder"], AllowedRegistries = ["registry.example"], Environment = new Dictionary<string, string> { ["BP_A"] = "tenant", ["BP_B"] = "tenant" },
        }, Stop);
        var client = await api.AsAsync("green", Role.Builder);
        await SendAsync(client, "green");

        (await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("green", Submission() with { Builder = "elsewhere.example/builder:1" }, "1", Stop))).Problem!.Code.ShouldBe("policy-violation");
        (await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("green", Submission("elsewhere.example/app"), "2", Stop))).Problem!.Detail!.ShouldContain("registry.example");
        (await Should.ThrowAsync<GridApiException>(client.SubmitBuildAsync("green", Submission("registry.example/builder:1"), "3", Stop))).Problem!.Code.ShouldBe("policy-violation");

        var build = await client.SubmitBuildAsync("green", Submission() with { Environment = new Dictionary<string, string> { ["BP_B"] = "build" } }, "4", Stop);
        var request = await api.Grid.Grains.GetGrain<IBuildGrain>($"green/{build.Id}").GetRequestAsync();
        request!.Environment.ShouldBe(new Dictionary<string, string> { ["BP_A"] = "tenant", ["BP_B"] = "build" }, ignoreOrder: true);
    }

    [Fact]
    public async Task Cancel_EndsARunningBuild_AndRetrySubmitsItAgain()
    {
        var client = await api.AsAsync("red", Role.Builder);
        await SendAsync(client, "red");
        api.Grid.Node.Holds = i => i is AnalyzeWork a && a.Targets[0].Contains("held", StringComparison.Ordinal);
        var build = await client.SubmitBuildAsync("red", Submission("registry.example/held:v1"), Guid.NewGuid().ToString(), Stop);
        await client.CancelBuildAsync("red", build.Id, Stop);
        (await api.Grid.EndAsync($"red/{build.Id}")).State.ShouldBe(BuildState.Cancelled);
        (await client.GetBuildAsync("red", build.Id, Stop)).Failure!.Message.ShouldContain("cancelled by key:");
        api.Grid.Node.Holds = _ => false;

        var again = await client.RetryBuildAsync("red", build.Id, Stop);
        again.Id.ShouldNotBe(build.Id);
        (await api.Grid.EndAsync($"red/{again.Id}")).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task Lists_HavePages_NewestFirst()
    {
        await api.Operator.SetTenantAsync("pages", new TenantSettingsResource(), Stop);
        var client = await api.AsAsync("pages", Role.Builder);
        await SendAsync(client, "pages");
        var ids = new List<string>();
        for (var n = 0; n < 5; n++)
            ids.Add((await client.SubmitBuildAsync("pages", Submission(), $"{n}", Stop)).Id);

        var first = await client.ListBuildsAsync("pages", null, null, 3, Stop);
        var second = await client.ListBuildsAsync("pages", null, first.Next, 3, Stop);
        first.Items.Concat(second.Items).Select(b => b.Id).ShouldBe(Enumerable.Reverse(ids));
        second.Next.ShouldBeNull();
    }

    [Fact]
    public async Task Log_GivesTheOutputAsText()
    {
        var client = await api.AsAsync("red", Role.Builder);
        await SendAsync(client, "red");
        api.Grid.Node.Holds = i => i is AnalyzeWork a && a.Targets[0].Contains("logged", StringComparison.Ordinal);
        var build = await client.SubmitBuildAsync("red", Submission("registry.example/logged:v1"), Guid.NewGuid().ToString(), Stop);
        api.Grid.Events.Append($"red/{build.Id}", new OutputWritten(Phase.Analyze, "<script>one</script>\n", IsError: false) { At = DateTimeOffset.UnixEpoch });
        api.Grid.Node.Finish(await api.Grid.Node.StartedAsync<AnalyzeWork>(a => a.BuildKey == $"red/{build.Id}"));
        await api.Grid.EndAsync($"red/{build.Id}");

        var http = api.Http(await api.TokenAsync("red", Role.Viewer));
        using var answer = await http.GetAsync(new Uri($"v1/tenants/red/builds/{build.Id}/log", UriKind.Relative), Stop);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("text/plain");
        answer.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        (await answer.Content.ReadAsStringAsync(Stop)).ShouldBe("<script>one</script>\n");
    }
}
