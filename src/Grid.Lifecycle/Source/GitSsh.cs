using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Grid.Buildpacks;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Source;

/// <summary>
/// How git speaks ssh: with one private key and to a host that proves one of the keys it is known by, and nothing else. No agent, no configuration, no password, and
/// no host key that is believed because it is the first one. Key and known hosts are files of the fetch, which only git's user can read.
/// </summary>
internal static partial class GitSsh
{
    /// <summary>The private key's file, in the fetch's directory.</summary>
    public const string Key = "/work/key";

    private const string KnownHosts = "/work/known_hosts";
    private static readonly byte[] LineEnd = "\n"u8.ToArray();

    /// <summary>Options that do not depend on the host. A server that says nothing is given up after a minute, as over https.</summary>
    private static readonly string[] Options =
    [
        "IdentitiesOnly=yes", "BatchMode=yes", "PreferredAuthentications=publickey", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", "UpdateHostKeys=no",
        "ConnectTimeout=60", "ServerAliveInterval=20", "ServerAliveCountMax=3",
    ];

    /// <summary>Writes key and known hosts, and gives the command for git.</summary>
    /// <param name="request">What is fetched.</param>
    /// <param name="scratch">The fetch's directory.</param>
    /// <param name="directory">Where git sees <c>/work</c> of it.</param>
    /// <param name="address">The host's address that may be connected to.</param>
    /// <exception cref="LifecycleException">There is no key, or no known host.</exception>
    public static string Prepare(GitRequest request, RootedDirectory scratch, string directory, IPAddress? address)
    {
        var host = NameOf(request.Url);
        if (request.Credentials is not { } key || string.IsNullOrWhiteSpace(request.KnownHosts))
            throw new LifecycleException(ExitCode.InvalidArgs, $"{request.Url}: ssh needs a secret with a private key, and the known hosts to tell {host} by ({Scan(request.Url)} prints them; compare them with what the host says of itself)");
        // Without a line end at its end ssh does not read a key; secrets from standard input have lost theirs.
        scratch.WriteFile(Key, [.. key, .. LineEnd], GitFetcher.Private);
        scratch.WriteFile(KnownHosts, Encoding.UTF8.GetBytes(request.KnownHosts + "\n"), GitFetcher.Private);
        // The host is known by its name, wherever that leads; another port than ssh's is part of the name.
        IEnumerable<string> options = [.. Options, $"UserKnownHostsFile={directory}/known_hosts", $"HostKeyAlias={host}", .. address is null ? [] : new[] { $"HostName={address}" }];
        return $"ssh -F none -i {Quoted(directory + "/key")}" + string.Concat(options.Select(option => " -o " + Quoted(option)));
    }

    /// <summary>What ssh's words mean, and what to do about it.</summary>
    public static string Explain(string message, GitUrl url)
    {
        if (message.Contains("Host key verification failed", StringComparison.Ordinal))
        {
            var shown = Fingerprint().Match(message) is { Success: true } match ? $" (it showed {match.Value})" : "";
            return $"{NameOf(url)} has none of the keys it is known by{shown}: see whether the known hosts are those that {Scan(url)} prints, and ask the host's operator whether its key has changed";
        }
        return message.Contains("Permission denied", StringComparison.Ordinal)
            ? $"{NameOf(url)} does not take the secret's private key: see whether its public key may read the repository, and whether it has a passphrase, which nobody can type here"
            : message.Contains("cannot run ssh", StringComparison.Ordinal) ? $"{message}; install openssh-client on this node" : message;
    }

    /// <summary>The host's name in a known_hosts file.</summary>
    private static string NameOf(GitUrl url) => url.Port == 22 ? url.Uri.IdnHost : $"[{url.Uri.IdnHost.Trim('[', ']')}]:{url.Port}";

    private static string Scan(GitUrl url) => url.Port == 22 ? $"ssh-keyscan {url.Uri.IdnHost}" : $"ssh-keyscan -p {url.Port} {url.Uri.IdnHost}";

    [GeneratedRegex("SHA256:[A-Za-z0-9+/]+")]
    private static partial Regex Fingerprint();

    /// <summary>One word of the shell that git starts ssh with.</summary>
    private static string Quoted(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
