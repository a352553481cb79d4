using System.Net;
using System.Text;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Oci;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Api.Tests;

public sealed class SecretTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private SecretKeyRing Keys => api.App.Services.GetRequiredService<SecretKeyRing>();

    private Task<SealedSecret[]> StoredAsync(string owner) => api.Grid.Grains.GetGrain<ISecretsGrain>(owner).ReadAsync();

    [Fact]
    public async Task A_secret_is_set_named_changed_and_removed_and_never_given_back()
    {
        var admin = await api.AsAsync("red", Role.Admin);
        await admin.SetSecretAsync("red", "token", new SecretRequest { Value = "canary-one" }, Stop);
        await admin.SetSecretAsync("red", "token", new SecretRequest { Base64 = "canary-two"u8.ToArray() }, Stop);

        var listed = (await admin.ListSecretsAsync("red", Stop)).Items.Single(s => s.Name == "token");
        listed.Kind.ShouldBe(SecretKind.Mount);
        listed.ChangedBy.ShouldStartWith("key:");
        var stored = (await StoredAsync("red")).Single(s => s.Name == "token");
        Encoding.UTF8.GetString(Keys.Open("red", stored)).ShouldBe("canary-two");
        Encoding.UTF8.GetString(stored.Box).ShouldNotContain("canary");

        // One name is one secret.
        await admin.SetSecretAsync("red", "token", new SecretRequest { Value = "canary-three", Kind = SecretKind.Variable }, Stop);
        (await admin.ListSecretsAsync("red", Stop)).Items.Single(s => s.Name == "token").Kind.ShouldBe(SecretKind.Variable);
        await admin.RemoveSecretAsync("red", "token", Stop);
        (await admin.ListSecretsAsync("red", Stop)).Items.ShouldNotContain(s => s.Name == "token");
        (await Should.ThrowAsync<GridApiException>(admin.RemoveSecretAsync("red", "token", Stop))).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Bindings_and_logins_are_sealed_with_all_they_hold()
    {
        var admin = await api.AsAsync("blue", Role.Admin);
        await admin.SetBindingAsync("blue", "db", new BindingRequest { Type = "postgresql", Provider = "p", Entries = new Dictionary<string, byte[]> { ["password"] = "s"u8.ToArray() } }, Stop);
        (await admin.SetRegistryAsync("blue", new RegistryRequest { Registry = "docker.io/team", Username = "u", Password = "p" }, Stop)).Name.ShouldBe("index.docker.io/team");

        (await admin.ListBindingsAsync("blue", Stop)).Items.ShouldHaveSingleItem().Name.ShouldBe("db");
        (await admin.ListSecretsAsync("blue", Stop)).Items.ShouldBeEmpty();
        var stored = await StoredAsync("blue");
        BindingValue.FromBytes(Keys.Open("blue", stored.Single(s => s.Kind == SecretKind.Binding))).Entries.Keys.ShouldBe(["type", "provider", "password"], ignoreOrder: true);
        RegistryLogin.FromBytes(Keys.Open("blue", stored.Single(s => s.Kind == SecretKind.Registry))).ShouldBe(new RegistryLogin("u", "p", null));

        await admin.RemoveRegistryAsync("blue", "docker.io/team", Stop);
        await admin.RemoveBindingAsync("blue", "db", Stop);
        (await StoredAsync("blue")).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_cannot_be_kept_is_named()
    {
        var admin = await api.AsAsync("red", Role.Admin);
        async Task<Problem> ErrorAsync(Task call) => (await Should.ThrowAsync<GridApiException>(call)).Problem!;

        (await ErrorAsync(admin.SetSecretAsync("red", "a b", new SecretRequest { Value = "x" }, Stop))).Errors!.Keys.ShouldBe(["secret"]);
        (await ErrorAsync(admin.SetSecretAsync("red", "a-b", new SecretRequest { Value = "x", Kind = SecretKind.Variable }, Stop))).Errors!.Keys.ShouldBe(["secret"]);
        (await ErrorAsync(admin.SetSecretAsync("red", "a", new SecretRequest(), Stop))).Errors!.Keys.ShouldBe(["value"]);
        (await ErrorAsync(admin.SetSecretAsync("red", "a", new SecretRequest { Value = "x", Kind = SecretKind.Registry }, Stop))).Errors!.Keys.ShouldBe(["kind"]);
        (await ErrorAsync(admin.SetSecretAsync("red", "a", new SecretRequest { Base64 = new byte[600 * 1024] }, Stop))).Errors!.Keys.ShouldBe(["value"]);
        (await ErrorAsync(admin.SetBindingAsync("red", ".b", new BindingRequest { Type = "x" }, Stop))).Errors!.Keys.ShouldBe(["binding"]);
        (await ErrorAsync(admin.SetBindingAsync("red", "b", new BindingRequest { Type = " ", Entries = new Dictionary<string, byte[]> { ["../x"] = [] } }, Stop))).Errors!.Keys.ShouldBe(["type", "entries.../x"], ignoreOrder: true);
        (await ErrorAsync(admin.SetRegistryAsync("red", new RegistryRequest { Registry = "https://x", Username = "u" }, Stop))).Errors!.Keys.ShouldBe(["registry", "password"], ignoreOrder: true);
    }

    [Fact]
    public async Task An_owner_has_room_for_a_bounded_amount()
    {
        await api.Operator.SetTenantAsync("full", new TenantSettingsResource(), Stop);
        var big = new SecretRequest { Base64 = new byte[512 * 1024] };
        await api.Operator.SetSecretAsync("full", "one", big, Stop);

        var error = await Should.ThrowAsync<GridApiException>(api.Operator.SetSecretAsync("full", "two", big, Stop));
        error.Problem!.Code.ShouldBe("too-large");
        // In its own place it has room.
        await api.Operator.SetSecretAsync("full", "one", big, Stop);
    }

    [Fact]
    public async Task Secrets_of_a_build_are_sealed_under_it_and_gone_at_its_end()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var source = new SourceUpload(Digest.Compute("source"u8).ToString(), Digest.Compute("tar"u8).ToString(), 6, "application/vnd.oci.image.layer.v1.tar+gzip");
        using var bytes = new MemoryStream("source"u8.ToArray());
        await client.UploadAsync("red", source.Digest, bytes, Stop);
        api.Grid.Node.Holds = i => i is AnalyzeWork a && a.Targets[0].Contains("held-secret", StringComparison.Ordinal);
        var submission = new BuildSubmission
        {
            Image = "registry.example/held-secret:v1", Builder = "registry.example/builder:1", Source = source, Secrets = new Dictionary<string, byte[]> { ["token"] = "canary"u8.ToArray() },
        };
        var build = await client.SubmitBuildAsync("red", submission, "with-secret", Stop);
        var key = $"red/{build.Id}";
        var work = await api.Grid.Node.StartedAsync<AnalyzeWork>(a => a.BuildKey == key);

        Encoding.UTF8.GetString(Keys.Open(key, (await StoredAsync(key)).ShouldHaveSingleItem())).ShouldBe("canary");
        (await api.Grid.Grains.GetGrain<IBuildGrain>(key).GetRequestAsync())!.SecretIds.ShouldBe(["token"]);
        api.Grid.Node.Finish(work);
        (await api.Grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        (await StoredAsync(key)).ShouldBeEmpty();

        api.Grid.Node.Holds = _ => false;
        // Asked for again, it stays as it is: nothing is kept for a build that has ended.
        (await client.SubmitBuildAsync("red", submission, "with-secret", Stop)).Id.ShouldBe(build.Id);
        (await StoredAsync(key)).ShouldBeEmpty();
        (await api.Grid.EndAsync($"red/{(await client.RetryBuildAsync("red", build.Id, Stop)).Id}")).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task Reseal_PutsTheCurrentKeyInPlaceOfAnOlderOne()
    {
        await api.Operator.SetTenantAsync("rotated", new TenantSettingsResource(), Stop);
        await api.Operator.SetSecretAsync("rotated", "a", new SecretRequest { Value = "kept" }, Stop);
        (await api.Operator.ResealAsync("rotated", Stop)).Resealed.ShouldBe(0);
        var other = SecretKeyRing.Parse(SecretKeyRing.NewEntry("gone")).Seal("rotated", SecretKind.Mount, "b", "x"u8, DateTimeOffset.UnixEpoch, "key:1");
        await api.Grid.Grains.GetGrain<ISecretsGrain>("rotated").SetAsync(other);

        var error = await Should.ThrowAsync<GridApiException>(api.Operator.ResealAsync("rotated", Stop));
        error.Problem!.Code.ShouldBe("secrets-unavailable");
        error.Problem.Detail!.ShouldContain("'gone'");
    }
}
