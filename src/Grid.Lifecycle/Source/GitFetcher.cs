using System.Net;
using System.Net.Sockets;
using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Extend;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Network;

namespace Grid.Lifecycle.Source;

/// <summary>What of a repository is wanted.</summary>
public sealed record GitRequest(GitUrl Url)
{
    /// <summary>Branch, tag or commit; null for the default branch.</summary>
    public string? Revision { get; init; }

    /// <summary>Directory that is the app; empty for all of it.</summary>
    public string Path { get; init; } = "";

    /// <summary>Lines of git's credential store, or a private key for ssh.</summary>
    public byte[]? Credentials { get; init; }

    /// <summary>For ssh: lines of a known_hosts file.</summary>
    public string? KnownHosts { get; init; }
}

/// <summary>
/// Fetches one commit of a git repository and packs its files: no history, no submodules, no content of git LFS. The host is looked up by us, and git connects to
/// the address we allowed. Credentials are in a file that is gone when git has ended.
/// </summary>
/// <param name="store">Where the packed source goes.</param>
/// <param name="hosts">Which hosts may be asked.</param>
/// <param name="limits">Bounds.</param>
public sealed class GitFetcher(ContentStore store, HostPolicy hosts, GitLimits limits)
{
    private const string Prefix = "grid-source-";
    internal const int Private = 0b110_000_000;
    private static readonly string[] Proxies = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];
    private static readonly string[] Authorities = ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

    /// <summary>Removes what dead processes of this user left.</summary>
    public static void RemoveDead() => OwnedDirectory.RemoveDead(Path.GetTempPath(), Prefix);

    /// <summary>A directory for source on its way, which is gone when the answer is disposed.</summary>
    internal static OwnedDirectory MakeDirectory() => OwnedDirectory.Make(Path.GetTempPath(), Prefix);

    /// <summary>Fetches, packs, and says which commit it was.</summary>
    /// <exception cref="LifecycleException">It cannot be had, or not from here.</exception>
    public async Task<PackedSource> FetchAsync(GitRequest request, IPhaseLog log, CancellationToken cancellationToken)
    {
        using var owned = MakeDirectory();
        var scratch = new RootedDirectory(owned.Path);
        Owner? owner = Environment.IsPrivilegedProcess ? new Owner(GitProcess.Nobody, GitProcess.Nobody) : null;
        scratch.CreateDirectory("/work/home", 0b111_000_000);
        scratch.CreateDirectory("/work/tree", 0b111_000_000);
        var directory = Path.Combine(owned.Path, "work");
        var git = new GitProcess(directory, limits);
        AddEnvironment(git, directory);
        await PrepareAsync(git, request, scratch, directory, cancellationToken);
        if (owner is { } nobody)
            scratch.ChangeOwner("/work", nobody, recursive: true);
        string[] place = [$"--git-dir={directory}/repository", $"--work-tree={directory}/tree"];
        await git.RunAsync([.. place, "init", "--quiet", "--template="], cancellationToken);
        log.Info($"Fetching {request.Url} at {request.Revision ?? "its default branch"}");
        await FetchAsync(git, place, request, cancellationToken);
        foreach (var secret in new[] { "/work/credentials", GitSsh.Key })
            scratch.Delete(secret);
        var commit = await git.RunAsync([.. place, "rev-parse", "--verify", "FETCH_HEAD^{commit}"], cancellationToken);
        await git.RunAsync([.. place, "checkout", "--quiet", "--detach", "FETCH_HEAD"], cancellationToken);
        log.Info($"Commit {commit}");
        // Links in it lead nowhere but into it: not to what else is in our directory.
        var tree = new RootedDirectory(directory + "/tree");
        return new PackedSource(AppSource.Pack(store, tree, SourceTree.Of(tree, request.Path, request.Url.ToString()), cancellationToken), Metadata(request, commit));
    }

    private static async Task FetchAsync(GitProcess git, string[] place, GitRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await git.RunAsync([.. place, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", request.Url.ToString(), request.Revision ?? "HEAD"], cancellationToken);
        }
        catch (LifecycleException e)
        {
            var reason = request.Url.IsSsh ? GitSsh.Explain(e.Message, request.Url) : e.Message + (request.Credentials is null ? "; if it is not public, name a secret to sign in with" : "");
            throw new LifecycleException(e.ExitCode, $"{request.Url} at {request.Revision ?? "its default branch"} cannot be fetched: {reason}", e);
        }
    }

    /// <summary>Nothing of the node's own environment but the way out.</summary>
    private static void AddEnvironment(GitProcess git, string directory)
    {
        git.Environment["PATH"] = "/usr/local/bin:/usr/bin:/bin";
        git.Environment["HOME"] = directory + "/home";
        git.Environment["LC_ALL"] = "C";
        git.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        git.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        git.Environment["GIT_ATTR_NOSYSTEM"] = "1";
        git.Environment["GIT_TERMINAL_PROMPT"] = "0";
        git.Environment["GIT_ASKPASS"] = "/bin/false";
        git.Environment["GIT_LFS_SKIP_SMUDGE"] = "1";
        foreach (var name in Proxies.Concat(Authorities))
        {
            if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } value)
                git.Environment[name] = value;
        }
    }

    /// <summary>Tells git the address to connect to and how to sign in.</summary>
    private async Task PrepareAsync(GitProcess git, GitRequest request, RootedDirectory scratch, string directory, CancellationToken cancellationToken)
    {
        var (url, host) = (request.Url, request.Url.Uri.IdnHost);
        var address = await AddressAsync(url, cancellationToken);
        if (url.IsSsh)
        {
            git.Environment["GIT_SSH_COMMAND"] = GitSsh.Prepare(request, scratch, directory, address);
            return;
        }
        if (url.Uri.Scheme == Uri.UriSchemeHttp)
            git.MoreSettings.Add("protocol.http.allow=always");
        if (address is not null)
            git.MoreSettings.Add($"http.curloptResolve={host.Trim('[', ']')}:{url.Port}:{(address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address)}");
        if (request.Credentials is not { } credentials)
            return;
        // Git takes the line for this host, and no other.
        scratch.WriteFile("/work/credentials", credentials, Private);
        git.MoreSettings.Add($"credential.helper=store --file={directory}/credentials");
    }

    /// <summary>The address to connect to; null when a proxy connects.</summary>
    private async Task<IPAddress?> AddressAsync(GitUrl url, CancellationToken cancellationToken)
    {
        var host = url.Uri.IdnHost.Trim('[', ']');
        try
        {
            if (!url.IsSsh && System.Net.Http.HttpClient.DefaultProxy.GetProxy(url.Uri) is not null)
            {
                hosts.CheckWritten(host);
                return null;
            }
            var addresses = await hosts.ResolveAsync(host, cancellationToken);
            return addresses.FirstOrDefault() ?? throw new LifecycleException(ExitCode.Failed, $"{url}: {host} has no address");
        }
        catch (Exception e) when (e is HostRefusedException or SocketException)
        {
            throw new LifecycleException(ExitCode.Failed, $"{url}: {e.Message}", e);
        }
    }

    private static string Metadata(GitRequest request, string commit) => TomlWriter.Write(new TomlTable().Set("source", new TomlTable()
        .Set("type", "git")
        .Set("version", new TomlTable().Set("commit", commit))
        .Set("metadata", new TomlTable().Set("repository", request.Url.ToString())
            .Set("revision", request.Revision is { } revision ? (TomlValue)revision : null)
            .Set("path", request.Path.Length > 0 ? (TomlValue)request.Path : null))));
}
