using System.Text;
using Grid.Buildpacks;
using Grid.Lifecycle.Source;
using Grid.Oci.Content;
using Grid.Oci.Network;

namespace Grid.Lifecycle.Tests.Source;

/// <summary>A repository behind OpenSSH's server, fetched by this machine's git and ssh.</summary>
public sealed class GitSshTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-ssh-").FullName;
    private readonly ContentStore _store;
    private readonly GitServer _repositories;
    private readonly SshServer _server;
    private readonly Lines _log = new();
    private readonly string _commit;

    public GitSshTests()
    {
        Assert.SkipUnless(SshServer.IsInstalled, "there is no sshd (openssh-server)");
        // The server's user reads what the test's user makes.
        File.SetUnixFileMode(_directory, (UnixFileMode)0b111_101_101);
        _store = new ContentStore(Path.Combine(_directory, "store"));
        _repositories = GitServer.Start(Path.Combine(_directory, "repositories"));
        _server = SshServer.Start(Path.Combine(_directory, "ssh"));
        _repositories.Repository("app", ("hello.txt", "hello"));
        _commit = _repositories.Commit("app", ("version", "2"));
        _repositories.Publish("app");
    }

    private string Url => $"ssh://{SshServer.User}@127.0.0.1:{_server.Port}{_directory}/repositories/app";

    public void Dispose()
    {
        _server?.Dispose();
        _repositories?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private Task<PackedSource> FetchAsync(byte[]? key, string? knownHosts, string? url = null) =>
        new GitFetcher(_store, HostPolicy.Own, new GitLimits()).FetchAsync(new GitRequest(GitUrl.Parse(url ?? Url)) { Credentials = key, KnownHosts = knownHosts }, _log, TestContext.Current.CancellationToken);

    [Fact]
    public async Task Fetch_WithAKeyAndAKnownHost_PacksTheCommit_AndShowsNothingOfTheKey()
    {
        var source = await FetchAsync(_server.PrivateKey, _server.KnownHosts);

        source.ProjectMetadata.ShouldContain(_commit);
        source.ProjectMetadata.ShouldContain(Url);
        var line = Encoding.UTF8.GetString(_server.PrivateKey).Split('\n')[1];
        (_log.Text + source.ProjectMetadata).ShouldNotContain(line);
        // The same key as `grid secret set` keeps it from standard input.
        (await FetchAsync(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(_server.PrivateKey).TrimEnd('\n')), _server.KnownHosts)).Archive.ShouldBe(source.Archive);
    }

    [Fact]
    public async Task Fetch_AHostWithAnotherKey_IsRefused_BeforeItSeesOurs()
    {
        SshServer.MakeKey(Path.Combine(_directory, "other"));
        var known = $"[127.0.0.1]:{_server.Port} {await File.ReadAllTextAsync(Path.Combine(_directory, "other.pub"), TestContext.Current.CancellationToken)}";

        var refused = await Should.ThrowAsync<LifecycleException>(() => FetchAsync(_server.PrivateKey, known));

        refused.Message.ShouldContain($"ssh-keyscan -p {_server.Port} 127.0.0.1");
        refused.Message.ShouldContain("it showed SHA256:");
    }

    [Fact]
    public async Task Fetch_AHostThatIsNotKnown_IsRefused()
    {
        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(_server.PrivateKey, null))).Message.ShouldContain("known hosts");
        // The same key, but of the server at ssh's own port.
        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(_server.PrivateKey, _server.KnownHosts.Replace($"[127.0.0.1]:{_server.Port}", "127.0.0.1", StringComparison.Ordinal))))
            .Message.ShouldContain("none of the keys it is known by");
    }

    [Fact]
    public async Task Fetch_AKeyThatTheHostDoesNotTake_SaysSo_WithoutTheKey()
    {
        SshServer.MakeKey(Path.Combine(_directory, "stranger"));
        var key = await File.ReadAllBytesAsync(Path.Combine(_directory, "stranger"), TestContext.Current.CancellationToken);

        var refused = await Should.ThrowAsync<LifecycleException>(() => FetchAsync(key, _server.KnownHosts));

        refused.Message.ShouldContain("does not take the secret's private key");
        refused.Message.ShouldNotContain(Encoding.UTF8.GetString(key).Split('\n')[1]);
    }

    [Fact]
    public async Task Fetch_AHostOfTheNodesNetwork_IsRefused() =>
        (await Should.ThrowAsync<LifecycleException>(() => new GitFetcher(_store, new HostPolicy(), new GitLimits())
            .FetchAsync(new GitRequest(GitUrl.Parse(Url)) { Credentials = _server.PrivateKey, KnownHosts = _server.KnownHosts }, _log, TestContext.Current.CancellationToken))).Message.ShouldContain("127.0.0.1");
}
