using System.Text;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

public sealed class DockerConfigCredentialsTests : IDisposable
{
    private const string Canary = "canary-s3cret";
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly string Auth = Convert.ToBase64String(Encoding.UTF8.GetBytes("me:" + Canary));
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("registry.test", "registry.test", true)]
    [InlineData("https://registry.test/v2/", "registry.test", true)]
    [InlineData("https://registry.test", "REGISTRY.test", true)]
    [InlineData("https://index.docker.io/v1/", "index.docker.io", true)]
    [InlineData("docker.io", "index.docker.io", true)]
    [InlineData("registry.test:5000", "registry.test", false)]
    [InlineData("registry.test", "registry.test.evil.org", false)]
    [InlineData("registry.test", "my-registry.test", false)]
    [InlineData("registry.test/team", "registry.test", false)]
    [InlineData("index.docker.io.evil.org", "index.docker.io", false)]
    [Spec("platform/auth.docker-config")]
    public async Task Auths_MatchHostsExactly(string key, string registry, bool found)
    {
        await ConfigAsync($$"""{"auths":{"{{key}}":{"auth":"{{Auth}}"} } }""");

        var credential = await Store().FindAsync(registry, None);

        (credential?.Password).ShouldBe(found ? Canary : null);
        (credential?.Username).ShouldBe(found ? "me" : null);
    }

    [Fact]
    [Spec("platform/auth.docker-config")]
    public async Task Auths_InAllTheirForms()
    {
        await ConfigAsync("""{"auths":{"a.test":{"username":"u","password":"p"},"b.test":{"identitytoken":"i","auth":"eA=="},"c.test":{"registrytoken":"r"},"d.test":{} } }""");

        (await Store().FindAsync("a.test", None))!.Password.ShouldBe("p");
        (await Store().FindAsync("b.test", None))!.IdentityToken.ShouldBe("i");
        (await Store().FindAsync("c.test", None))!.BearerToken.ShouldBe("r");
        (await Store().FindAsync("d.test", None)).ShouldBeNull();
    }

    [Fact]
    [Spec("platform/auth.header")]
    public async Task RegistryAuth_ComesBeforeTheFile()
    {
        await ConfigAsync($$"""{"auths":{"registry.test":{"auth":"{{Auth}}"} } }""");
        var store = new DockerConfigCredentials(_directory.Path, """{"registry.test":"Bearer token-1"}""");

        (await store.FindAsync("registry.test", None))!.BearerToken.ShouldBe("token-1");
        (await store.FindAsync("other.test", None)).ShouldBeNull();
    }

    [Theory]
    [InlineData("""{"registry.test": canary-s3cret}""")]
    [InlineData("""{"registry.test":"canary-s3cret"}""")]
    [InlineData("""{"registry.test":"Basic canary-s3cret!"}""")]
    [Spec("platform/auth.json")]
    public async Task BrokenRegistryAuth_IsAnErrorThatDoesNotShowIt(string json)
    {
        var e = await Should.ThrowAsync<ImageAccessException>(() => new DockerConfigCredentials(null, json).FindAsync("registry.test", None).AsTask());

        e.ToString().ShouldNotContain(Canary);
        e.Message.ShouldContain("CNB_REGISTRY_AUTH");
    }

    [Fact]
    public async Task BrokenFile_IsAnError_AndAMissingOneIsNot()
    {
        (await Store().FindAsync("registry.test", None)).ShouldBeNull();
        await ConfigAsync("{ nonsense " + Canary);

        (await Should.ThrowAsync<ImageAccessException>(() => Store().FindAsync("registry.test", None).AsTask())).ToString().ShouldNotContain(Canary);
    }

    [Fact]
    public void Credential_ShowsNoSecret()
    {
        RegistryCredential.Basic("me", Canary).ToString().ShouldBe("user name and password");
        RegistryCredential.Bearer(Canary).ToString().ShouldNotContain(Canary);
        RegistryCredential.Identity(Canary).ToString().ShouldNotContain(Canary);
    }

    [Fact]
    public async Task Helper_IsAskedForTheRegistry_AndItsAnswersAreUnderstood()
    {
        using var helper = new HelperProgram("""
            read server
            case "$server" in
              basic.test) echo '{"ServerURL":"x","Username":"u","Secret":"canary-s3cret"}' ;;
              token.test) echo '{"ServerURL":"x","Username":"<token>","Secret":"canary-s3cret"}' ;;
              https://index.docker.io/v1/) echo '{"Username":"hub","Secret":"s"}' ;;
              broken.test) echo 'canary-s3cret is not JSON' ;;
              failing.test) echo 'canary-s3cret'; exit 3 ;;
              *) echo 'credentials not found in native keychain'; exit 1 ;;
            esac
            """);
        await ConfigAsync($$"""{"credsStore":"{{helper.Name}}","auths":{"file.test":{"auth":"{{Auth}}"} } }""");

        (await Store().FindAsync("basic.test", None))!.Password.ShouldBe(Canary);
        (await Store().FindAsync("token.test", None))!.IdentityToken.ShouldBe(Canary);
        (await Store().FindAsync("index.docker.io", None))!.Username.ShouldBe("hub");
        (await Store().FindAsync("unknown.test", None)).ShouldBeNull();
        (await Store().FindAsync("file.test", None))!.Username.ShouldBe("me");
        foreach (var registry in (string[])["broken.test", "failing.test"])
            (await Should.ThrowAsync<ImageAccessException>(() => Store().FindAsync(registry, None).AsTask())).ToString().ShouldNotContain(Canary);
    }

    [Theory]
    [InlineData("../../tmp/evil", "not a name")]
    [InlineData("no-such-helper-here", "cannot be run")]
    public async Task Helper_ThatCannotBeRun_IsAnError(string name, string message)
    {
        await ConfigAsync($$"""{"credHelpers":{"registry.test":"{{name}}"} }""");

        (await Should.ThrowAsync<ImageAccessException>(() => Store().FindAsync("registry.test", None).AsTask())).Message.ShouldContain(message);
        (await Store().FindAsync("other.test", None)).ShouldBeNull();
    }

    private DockerConfigCredentials Store() => new(_directory.Path);

    private Task ConfigAsync(string json) => File.WriteAllTextAsync(_directory["config.json"], json, None);

    /// <summary>A shell script as credential helper, found beside the .NET host because programs are looked for there first.</summary>
    private sealed class HelperProgram : IDisposable
    {
        private readonly string _path;

        public HelperProgram(string script)
        {
            Name = "test-" + Guid.NewGuid().ToString("N");
            _path = Path.Combine(Path.GetDirectoryName(Environment.ProcessPath)!, "docker-credential-" + Name);
            File.WriteAllText(_path, "#!/bin/sh\n" + script.ReplaceLineEndings("\n") + "\n");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        public string Name { get; }

        public void Dispose() => File.Delete(_path);
    }
}
