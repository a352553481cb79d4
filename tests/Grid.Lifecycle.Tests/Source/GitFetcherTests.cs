using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Source;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Network;

namespace Grid.Lifecycle.Tests.Source;

/// <summary>Repositories that git serves itself, fetched by the git of this machine.</summary>
public sealed class GitFetcherTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-git-").FullName;
    private readonly ContentStore _store;
    private readonly GitServer _server;
    private readonly Lines _log = new();

    public GitFetcherTests()
    {
        _store = new ContentStore(Path.Combine(_directory, "store"));
        _server = GitServer.Start(Path.Combine(_directory, "server"));
    }

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Task<PackedSource> FetchAsync(string url, string? revision = null, string path = "", byte[]? credentials = null, HostPolicy? hosts = null, GitLimits? limits = null) =>
        new GitFetcher(_store, hosts ?? HostPolicy.Own, limits ?? new GitLimits()).FetchAsync(new GitRequest(GitUrl.Parse(url)) { Revision = revision, Path = path, Credentials = credentials }, _log, Stop);

    private Dictionary<string, string> Files(Layer archive)
    {
        var files = new Dictionary<string, string>();
        SourceArchive.Read(_store, archive, new LayerLimits(), (entry, content) =>
        {
            using var reader = new StreamReader(content, leaveOpen: true);
            files[entry.Path.TrimEnd('/')] = entry.Type == LayerEntryType.SymbolicLink ? "-> " + entry.LinkTarget : reader.ReadToEnd();
        }, Stop);
        return files;
    }

    private static string CommitOf(PackedSource source) => TomlFile.Parse(source.ProjectMetadata, "project-metadata.toml").GetTable("source")!.GetTable("version")!.GetString("commit")!;

    [Fact]
    public async Task Fetch_TheDefaultBranch_PacksItsFilesAndSaysWhichCommit()
    {
        var url = _server.Repository("app", ("hello.txt", "hello"), ("bin/run", "#!/bin/sh"), ("link->hello.txt", null));
        var commit = _server.Commit("app");
        _server.Publish("app");

        var source = await FetchAsync(url);

        Files(source.Archive).ShouldBe(new Dictionary<string, string> { ["hello.txt"] = "hello", ["bin"] = "", ["bin/run"] = "#!/bin/sh", ["link"] = "-> hello.txt" }, ignoreOrder: true);
        CommitOf(source).ShouldBe(commit);
        source.ProjectMetadata.ShouldContain(url);
        _log.Text.ShouldContain(commit);
        (await FetchAsync(url)).Archive.ShouldBe(source.Archive);
    }

    [Fact]
    public async Task Fetch_ATagOrACommit_GivesThatOne()
    {
        var url = _server.Repository("app", ("version", "1"));
        var first = _server.Commit("app");
        _server.Publish("app", "v1");
        _server.Commit("app", ("version", "2"));
        _server.Publish("app");

        Files((await FetchAsync(url)).Archive)["version"].ShouldBe("2");
        Files((await FetchAsync(url, "v1")).Archive)["version"].ShouldBe("1");
        CommitOf(await FetchAsync(url, first)).ShouldBe(first);
        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url, "no-such-branch"))).Message.ShouldContain("no-such-branch");
    }

    [Fact]
    public async Task Fetch_ADirectory_GivesWhatIsInIt_AndNoLinkLeadsOut()
    {
        var url = _server.Repository("app", ("apps/web/a", "a"), ("apps/other", "other"), ("out->/etc", null));

        Files((await FetchAsync(url, path: "apps/web")).Archive).Keys.ShouldBe(["a"]);
        foreach (var path in new[] { "out", "apps/other", "missing" })
            (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url, path: path))).Message.ShouldContain(path);
    }

    [Fact]
    public async Task Fetch_ALinkToTheNodesRoot_IsOneFile_AndWhatIsThereIsNotCounted()
    {
        var url = _server.Repository("app", ("a", "a"), ("root->/", null));

        Files((await FetchAsync(url, limits: new GitLimits { MaxFiles = 500 })).Archive)["root"].ShouldBe("-> /");
    }

    [Fact]
    public async Task Fetch_ProjectFileIsALinkToAFileOfTheNode_DoesNotReadIt()
    {
        var outside = Path.Combine(_directory, "outside");
        await File.WriteAllTextAsync(outside, "a line of a secret", Stop);
        var url = _server.Repository("app", ("a", "a"), ($"project.toml->{outside}", null), ("project.toml.txt", ""));

        var source = await FetchAsync(url);

        Files(source.Archive)["project.toml"].ShouldBe("-> " + outside);
    }

    [Fact]
    public async Task Fetch_APrivateRepository_NeedsTheSecret_WhichIsShownNowhere()
    {
        var url = _server.Repository("app", ("a", "a"));
        _server.IsPrivate = true;

        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url))).Message.ShouldContain("name a secret");
        var wrong = await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url, credentials: Encoding.UTF8.GetBytes(_server.Line.Replace(GitServer.Password, "wrong-password", StringComparison.Ordinal))));
        wrong.Message.ShouldNotContain("wrong-password");
        Files((await FetchAsync(url, credentials: Encoding.UTF8.GetBytes(_server.Line))).Archive).Keys.ShouldBe(["a"]);
        _log.Text.ShouldNotContain(GitServer.Password);
    }

    [Fact]
    public async Task Fetch_ASecretOfAnotherHost_IsNotSentToThisOne()
    {
        var url = _server.Repository("app", ("a", "a"));
        _server.IsPrivate = true;

        await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url, credentials: Encoding.UTF8.GetBytes($"http://{GitServer.User}:{GitServer.Password}@git.example\n")));
    }

    [Fact]
    public async Task Fetch_Submodules_StayEmpty()
    {
        var url = _server.Repository("app", ("a", "a"), (".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = file:///etc\n"));

        Files((await FetchAsync(url)).Archive).Keys.ShouldBe(["a", ".gitmodules"], ignoreOrder: true);
    }

    [Fact]
    public async Task Fetch_AHostThatBuildsMayNotReach_IsRefused()
    {
        var url = _server.Repository("app", ("a", "a"));

        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url, hosts: new HostPolicy()))).Message.ShouldContain("127.0.0.1");
        Files((await FetchAsync(url, hosts: new HostPolicy { Listed = ["127.0.0.1"] })).Archive).Keys.ShouldBe(["a"]);
    }

    [Fact]
    public async Task Fetch_ARedirect_IsNotFollowed()
    {
        var url = _server.Repository("app", ("a", "a"));
        _server.Moved["/old"] = "/app";

        await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url.Replace("/app", "/old", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Fetch_MoreThanMayBe_IsRefused()
    {
        var url = _server.Repository("app", ("a", new string('a', 100_000)));

        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync(url, limits: new GitLimits { MaxBytes = 50_000 }))).Message.ShouldContain("50000 bytes");
    }
}
