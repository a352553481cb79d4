using System.Net;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Oci;

namespace Grid.Api.Tests;

public sealed class TenantTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<string> TagAsync(string tenant)
    {
        using var answer = await api.Http(api.OperatorToken).GetAsync(new Uri($"v1/tenants/{tenant}", UriKind.Relative), Stop);
        return answer.Headers.ETag!.ToString();
    }

    [Fact]
    public async Task Set_WithTheETagThatWasRead_ChangesOnlyWhatIsStillSo()
    {
        await api.Operator.SetTenantAsync("tagged", new TenantSettingsResource(), etag: null, Stop);
        var read = await TagAsync("tagged");
        await api.Operator.SetTenantAsync("tagged", new TenantSettingsResource { Weight = 2 }, read, Stop);
        (await TagAsync("tagged")).ShouldNotBe(read);

        foreach (var stale in new[] { read, null })
        {
            var error = await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("tagged", new TenantSettingsResource { Weight = 9 }, stale, Stop));
            (error.Status, error.Problem!.Code).ShouldBe((HttpStatusCode.PreconditionFailed, "precondition-failed"));
        }
        (await api.Operator.GetTenantAsync("tagged", Stop)).Settings.Weight.ShouldBe(2);
        (await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("not-there", new TenantSettingsResource(), "*", Stop))).Problem!.Code.ShouldBe("precondition-failed");
        (await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("tagged", new TenantSettingsResource(), "W/x", Stop))).Problem!.Code.ShouldBe("invalid-request");
    }

    [Fact]
    public async Task Settings_ComeBackAsTheyWereSet_AndWhatCannotBeIsNamed()
    {
        var settings = new TenantSettingsResource
        {
            MaxRunningBuilds = 1, MaxQueuedBuilds = 2, Weight = 3, AllowedBuilders = ["registry.example/b"], AllowedRunImages = ["registry.example/r:1"], AllowedRegistries = ["registry.example/team"],
            Environment = new Dictionary<string, string> { ["A"] = "1" }, AppEnvironment = new Dictionary<string, Dictionary<string, string>> { ["app"] = new() { ["B"] = "2" } },
            AllowedExtensions = ["x/y@1"], Egress = Egress.None, EgressAllow = ["*.example.com", "203.0.113.0/24:443"], MaxMemoryBytes = 1L << 30, MaxCpuMillis = 1500, MaxDiskBytes = 7, MaxCacheBytes = 5, MaxBuildMinutes = 6,
        };
        await api.Operator.SetTenantAsync("all", settings, Stop);
        System.Text.Json.JsonSerializer.Serialize((await api.Operator.GetTenantAsync("all", Stop)).Settings, GridClient.Json).ShouldBe(System.Text.Json.JsonSerializer.Serialize(settings, GridClient.Json));

        var error = await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("all", settings with
        {
            AllowedBuilders = ["NOT/an image"], MaxMemoryBytes = 5, MaxCpuMillis = 1, MaxBuildMinutes = -1,
            AppEnvironment = new Dictionary<string, Dictionary<string, string>> { ["../app"] = new() { ["a/b"] = "" } },
        }, Stop));
        error.Problem!.Errors!.Keys.ShouldBe(
            ["allowedBuilders.NOT/an image", "maxMemoryBytes", "maxCpuMillis", "maxCacheBytes, maxBuildMinutes, maxDiskBytes", "appEnvironment.../app", "environment.a/b"], ignoreOrder: true);
    }

    [Fact]
    public async Task EgressAllow_WhatIsNoDestinationOrBesideOpen_IsRefusedByName()
    {
        var error = await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("lists", new TenantSettingsResource { Egress = Egress.None, EgressAllow = ["ok.example.com", "*", "10.0.0.1/8"] }, Stop));
        error.Problem!.Errors!.Keys.ShouldBe(["egressAllow.*", "egressAllow.10.0.0.1/8"], ignoreOrder: true);
        error = await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("lists", new TenantSettingsResource { EgressAllow = ["ok.example.com"] }, Stop));
        error.Problem!.Errors!["egressAllow"].ShouldHaveSingleItem().ShouldContain("egress None");
        error = await Should.ThrowAsync<GridApiException>(api.Operator.SetTenantAsync("lists", new TenantSettingsResource { Egress = Egress.None, EgressAllow = [.. Enumerable.Range(0, 129).Select(i => $"h{i}.example.com")] }, Stop));
        error.Problem!.Errors!["egressAllow"].ShouldHaveSingleItem().ShouldContain("at most 128");
    }

    [Fact]
    public async Task Environment_OfTheBuildComesBeforeThatOfTheAppAndThatOfTheTenant()
    {
        await api.Operator.SetTenantAsync("layers", new TenantSettingsResource
        {
            Environment = new Dictionary<string, string> { ["A"] = "tenant", ["B"] = "tenant", ["C"] = "tenant" },
            AppEnvironment = new Dictionary<string, Dictionary<string, string>> { ["web"] = new() { ["B"] = "app", ["C"] = "app" }, ["other"] = new() { ["A"] = "other" } },
        }, Stop);
        var build = await SubmitAsync("layers", "registry.example/web:1", new Dictionary<string, string> { ["C"] = "build" });

        (await api.Grid.Grains.GetGrain<IBuildGrain>($"layers/{build.Id}").GetRequestAsync())!.Environment
            .ShouldBe(new Dictionary<string, string> { ["A"] = "tenant", ["B"] = "app", ["C"] = "build" }, ignoreOrder: true);
    }

    [Fact]
    public async Task Minutes_ThatAreUsedUp_RefuseTheNextBuild_AndUsageSaysSo()
    {
        await api.Operator.SetTenantAsync("busy", new TenantSettingsResource { MaxBuildMinutes = 2 }, Stop);
        await api.Grid.Grains.GetGrain<ITenantUsageGrain>(TenantUsage.KeyOf("busy", TimeProvider.System.GetUtcNow())).AddAsync("busy/x", 125);

        var error = await Should.ThrowAsync<GridApiException>(SubmitAsync("busy", "registry.example/app:1", new Dictionary<string, string>()));

        (error.Status, error.Problem!.Code).ShouldBe((HttpStatusCode.Forbidden, "quota-exceeded"));
        error.Problem.Errors!.Keys.ShouldBe(["maxBuildMinutes"]);
        var usage = await api.Operator.GetUsageAsync("busy", null, Stop);
        (usage.BuildMinutes, usage.MaxBuildMinutes, usage.Builds).ShouldBe((2.083, 2, 1));
        (await api.Operator.GetUsageAsync("busy", "2020-01", Stop)).ShouldBe(new UsageResource("2020-01", 0, 2, 0));
        (await Should.ThrowAsync<GridApiException>(api.Operator.GetUsageAsync("busy", "January", Stop))).Problem!.Code.ShouldBe("invalid-request");
        // Nothing is left of what was refused.
        (await api.Operator.ListBuildsAsync("busy", null, null, 10, Stop)).Items.ShouldBeEmpty();
    }

    private async Task<BuildResource> SubmitAsync(string tenant, string image, Dictionary<string, string> environment)
    {
        var client = await api.AsAsync(tenant, Role.Builder);
        var source = new SourceUpload(Digest.Compute("source"u8).ToString(), Digest.Compute("tar"u8).ToString(), 6, "application/vnd.oci.image.layer.v1.tar+gzip");
        using var bytes = new MemoryStream("source"u8.ToArray());
        await client.UploadAsync(tenant, source.Digest, bytes, Stop);
        return await client.SubmitBuildAsync(tenant, new BuildSubmission { Image = image, Builder = "registry.example/builder:1", Source = source, Environment = environment }, Guid.NewGuid().ToString(), Stop);
    }
}
