using System.Net;
using System.Text;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

/// <summary>Token authentication, and who gets to see credentials.</summary>
public sealed class RegistryTokenTests
{
    private const string Canary = "canary-pa55";
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly string Basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me:" + Canary));

    [Fact]
    [Spec("platform/auth.anonymous")]
    public async Task Anonymous_FetchesATokenForTheScope_AndReusesIt()
    {
        var fake = Guarded("""Bearer realm="https://auth.registry.test/token",service="registry.test",scope="repository:a/b:pull" """);
        using var store = fake.Store();

        await Find(store);
        await Find(store);

        var tokens = fake.Requests.Where(request => request.Url.Host == "auth.registry.test").ToList();
        tokens.ShouldHaveSingleItem().Url.Query.ShouldBe("?service=registry.test&scope=repository%3Aa%2Fb%3Apull");
        tokens[0].Authorization.ShouldBeNull();
    }

    [Fact]
    public async Task WithPassword_OnlyTheTokenServerSeesIt()
    {
        var fake = Guarded("""Bearer realm="https://auth.registry.test/token",service="s" """);
        using var store = fake.Store(credentials: Login("registry.test"));

        await Find(store);

        fake.Requests.Where(request => request.Authorization == Basic).ShouldHaveSingleItem().Url.Host.ShouldBe("auth.registry.test");
        fake.Requests.Where(request => request.Url.Host == "registry.test" && request.Authorization is not null).ShouldAllBe(request => request.Authorization == "Bearer tok1");
    }

    [Fact]
    public async Task IdentityToken_IsExchangedByPost()
    {
        var fake = Guarded("""Bearer realm="https://registry.test/token",service="s" """);
        using var store = fake.Store(credentials: new DockerConfigCredentials(null, """{"registry.test":"X-Identity refresh-canary"}"""));

        await Find(store);

        var exchange = fake.Requests.Single(request => request.Url.AbsolutePath == "/token");
        exchange.Method.ShouldBe(HttpMethod.Post);
        Encoding.UTF8.GetString(exchange.Body).ShouldContain("refresh_token=refresh-canary");
    }

    [Fact]
    public async Task ExpiredToken_IsRenewedBeforeItIsRefused()
    {
        var time = new HastyTime();
        var fake = Guarded("""Bearer realm="https://registry.test/token" """);
        using var store = fake.Store(time: time);
        await Find(store);

        time.Ahead = TimeSpan.FromMinutes(10);
        await Find(store);

        fake.Requests.Count(request => request.Url.AbsolutePath == "/token").ShouldBe(2);
    }

    [Fact]
    public async Task TokenRefusedBeforeItsTime_IsRenewedOnce()
    {
        var accepted = "Bearer tok1";
        var tokens = 0;
        var fake = new FakeRegistry()
            .On(request => request.Url.AbsolutePath == "/token" ? FakeRegistry.Reply($$"""{"token":"tok{{++tokens}}","expires_in":3600}""") : null)
            .On(request => request.Authorization != accepted ? FakeRegistry.Challenge("""Bearer realm="https://registry.test/token" """) : null)
            .Serve("a/b", TestImages.Build());
        using var store = fake.Store();
        await Find(store);

        accepted = "Bearer tok2";
        (await Find(store)).ShouldNotBeNull();

        tokens.ShouldBe(2);
    }

    [Fact]
    public async Task RegistryThatRefusesEveryToken_IsGivenUpAtOnce()
    {
        var fake = new FakeRegistry()
            .On(request => request.Url.AbsolutePath == "/token" ? FakeRegistry.Reply("""{"token":"t"}""") : null)
            .On(_ => FakeRegistry.Challenge("""Bearer realm="https://registry.test/token" """));
        using var store = fake.Store(credentials: Login("registry.test"));

        var e = await Should.ThrowAsync<ImageAccessException>(() => Find(store));

        e.Status.ShouldBe(HttpStatusCode.Unauthorized);
        e.Message.ShouldContain("docker login registry.test");
        e.Message.ShouldContain("authentication required");
        e.ToString().ShouldNotContain(Canary);
        fake.Requests.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("https://registry.test.evil.org/token")]
    [InlineData("https://evilregistry.test/token")]
    [InlineData("https://registrytest/token")]
    [InlineData("https://10.0.0.1/token")]
    public async Task LookAlikeRealm_GetsNoCredentials(string realm)
    {
        var fake = Guarded($"""Bearer realm="{realm}",service="s" """);
        using var store = fake.Store(credentials: Login("registry.test"));

        var e = await Should.ThrowAsync<ImageAccessException>(() => Find(store));

        e.Message.ShouldContain("TrustedRealms");
        fake.Authorized.ShouldBeEmpty();
        fake.Requests.ShouldAllBe(request => request.Url.Host == "registry.test");
    }

    [Fact]
    public async Task RealmOnAnotherDomain_GetsCredentials_WhenTrusted()
    {
        var fake = Guarded("""Bearer realm="https://login.example.org/token" """);
        using var store = fake.Store(new RegistryOptions { TrustedRealms = ["login.example.org"] }, Login("registry.test"));

        (await Find(store)).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("http://registry.test/token")]
    [InlineData("http://127.0.0.1/token")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("ftp://registry.test/token")]
    [InlineData("https://user:pw@registry.test/token")]
    [InlineData("not a url")]
    public async Task UnsafeRealm_IsNotAsked_EvenAnonymously(string realm)
    {
        var fake = Guarded($"""Bearer realm="{realm}" """);
        using var store = fake.Store();

        await Should.ThrowAsync<ImageAccessException>(() => Find(store));

        fake.Requests.ShouldHaveSingleItem().Url.Host.ShouldBe("registry.test");
    }

    [Theory]
    [InlineData("registry.test.evil.org")]
    [InlineData("evil-registry.test")]
    [InlineData("registry.test:5000")]
    public async Task CredentialsForOneHost_AreNotUsedForAnotherThatLooksLikeIt(string host)
    {
        var fake = new FakeRegistry().On(request => request.Authorization is null ? FakeRegistry.Challenge("Basic realm=\"x\"") : null).Serve("a/b", TestImages.Build());
        using var store = fake.Store(credentials: Login("registry.test"));

        var e = await Should.ThrowAsync<ImageAccessException>(() => store.FindAsync(ImageLocation.Parse($"{host}/a/b:1"), TestImages.Amd64, None));

        e.IsDenied.ShouldBeTrue();
        fake.Authorized.ShouldBeEmpty();
    }

    [Fact]
    public async Task RedirectToAnotherHost_CarriesNoCredentials_AndItsChallengeGetsNone()
    {
        var image = TestImages.Build();
        var fake = new FakeRegistry()
            .On(request => request.Url.Host == "cdn.evil.org" ? FakeRegistry.Challenge("""Bearer realm="https://cdn.evil.org/token" """) : null)
            .On(request => request.Url.AbsolutePath.Contains("/blobs/") ? FakeRegistry.Redirect("https://cdn.evil.org/blob") : null)
            .On(request => request.Authorization is null ? FakeRegistry.Challenge("Basic realm=\"x\"") : null)
            .Serve("a/b", image);
        using var store = fake.Store(credentials: Login("registry.test"));

        await Should.ThrowAsync<ImageAccessException>(() => Find(store));

        fake.Requests.ShouldContain(request => request.Url.Host == "cdn.evil.org");
        fake.Authorized.ShouldAllBe(url => url.Host == "registry.test");
    }

    [Fact]
    public async Task RedirectToAnotherHost_IsFollowedForBlobs()
    {
        var image = TestImages.Build();
        var fake = new FakeRegistry()
            .On(request => request.Url.Host == "registry.test" && request.Url.AbsolutePath.Contains("/blobs/") ? FakeRegistry.Redirect("https://cdn.test" + request.Url.AbsolutePath) : null)
            .On(request => request.Url.Host == "registry.test" && request.Authorization is null ? FakeRegistry.Challenge("Basic realm=\"x\"") : null)
            .Serve("a/b", image);
        using var store = fake.Store(credentials: Login("registry.test"));

        var found = (await Find(store))!;

        (await ImageValidator.ValidateAsync(found with { Manifest = image.ManifestDescriptor }, None)).ShouldBeEmpty();
        fake.Authorized.ShouldAllBe(url => url.Host == "registry.test");
    }

    [Theory]
    [InlineData("http://registry.test:8080/x")]
    [InlineData("http://169.254.169.254/x")]
    [InlineData("file:///etc/passwd")]
    public async Task RedirectAwayFromHttps_IsRefused(string target)
    {
        var fake = new FakeRegistry().On(request => request.Url.AbsolutePath.StartsWith("/v2/", StringComparison.Ordinal) ? FakeRegistry.Redirect(target) : null);
        using var store = fake.Store();

        (await Should.ThrowAsync<ImageAccessException>(() => Find(store))).Message.ShouldContain("not safe");
        fake.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task RedirectsWithoutEnd_AreGivenUp()
    {
        var fake = new FakeRegistry().On(request => FakeRegistry.Redirect(request.Url.AbsolutePath));
        using var store = fake.Store();

        (await Should.ThrowAsync<ImageAccessException>(() => Find(store))).Message.ShouldContain("redirected more than");
    }

    private static Task<Image?> Find(RegistryImageStore store) => store.FindAsync(ImageLocation.Parse("registry.test/a/b:1"), TestImages.Amd64, None);

    private static DockerConfigCredentials Login(string host) => new(null, $$"""{"{{host}}":"{{Basic}}"}""");

    // A registry that wants the token its token server gives; wherever the realm is, it answers.
    private static FakeRegistry Guarded(string challenge)
    {
        return new FakeRegistry()
            .On(request => request.Url.AbsolutePath is "/token" ? FakeRegistry.Reply("""{"token":"tok1","expires_in":300}""") : null)
            .On(request => request.Authorization?.StartsWith("Bearer tok", StringComparison.Ordinal) == true ? null : FakeRegistry.Challenge(challenge.Trim()))
            .Serve("a/b", TestImages.Build());
    }
}
