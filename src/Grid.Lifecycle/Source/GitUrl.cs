using System.Text.RegularExpressions;

namespace Grid.Lifecycle.Source;

/// <summary>
/// The URL of a git repository that a node may clone: https, ssh, and http on loopback. Everything else git would take (files, its own unauthenticated
/// protocol, helpers that run commands) is none.
/// </summary>
public sealed partial record GitUrl
{
    private const int MaxLength = 1000;

    private readonly string _text;

    private GitUrl(Uri uri, string text) => (Uri, _text) = (uri, text);

    /// <summary>The URL, with a scheme and without credentials. Of the short form it has the host, not the way: that begins at the user's home there.</summary>
    public Uri Uri { get; }

    /// <summary>Whether it is reached by ssh.</summary>
    public bool IsSsh => Uri.Scheme == "ssh";

    /// <summary>The port it is reached at.</summary>
    public int Port => Uri.Port > 0 ? Uri.Port : IsSsh ? 22 : Uri.Scheme == Uri.UriSchemeHttp ? 80 : 443;

    /// <summary>Reads <c>https://host/path</c>, <c>ssh://user@host/path</c>, or <c>user@host:path</c>.</summary>
    /// <exception cref="FormatException">It is none of them, or has credentials in it.</exception>
    public static GitUrl Parse(string text)
    {
        if (text.Length > MaxLength || text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
            throw new FormatException($"the URL of a git repository has at most {MaxLength} characters and no blanks");
        var url = ShortForm().Match(text) is { Success: true } match ? $"ssh://{match.Groups["user"].Value}@{match.Groups["host"].Value}/{match.Groups["path"].Value}" : text;
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "ssh" or "http") || uri.Host.Length == 0 || uri.Host.StartsWith('-') || uri.AbsolutePath.Length < 2)
            throw new FormatException($"'{Shown(text)}' is not the URL of a git repository that can be cloned; want https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH");
        if (uri.UserInfo.Length > 0 && (uri.Scheme != "ssh" || !User().IsMatch(uri.UserInfo)))
            throw new FormatException($"the URL of {uri.Host} has credentials in it; put them into a secret, and name that");
        if (uri.Query.Length > 0 || uri.Fragment.Length > 0)
            throw new FormatException($"'{Shown(text)}': a branch, tag or commit is the revision, and no part of the URL");
        return uri.Scheme != "http" || uri.IsLoopback ? new GitUrl(uri, ReferenceEquals(url, text) ? uri.ToString() : text) : throw new FormatException($"'{uri}': over http anybody could put other source in its place; use https");
    }

    /// <summary>Whether this can be a branch, a tag or a commit, and no option of git's.</summary>
    public static bool IsRevision(string text) => Revision().IsMatch(text) && !text.Contains("..", StringComparison.Ordinal) && !text.Contains("//", StringComparison.Ordinal);

    /// <summary>Whether this can be a directory within a repository: relative, with '/', and nothing that leads out of it.</summary>
    public static bool IsPath(string text) => text.Length is > 0 and <= 1000 && text.Split('/').All(part => part is not ("" or "." or ".." or ".git") && !part.Any(char.IsControl));

    /// <summary>What git is given.</summary>
    public override string ToString() => _text;

    /// <summary>What somebody wrote, without what may be a password.</summary>
    private static string Shown(string text) => text.LastIndexOf('@') is >= 0 and var at && text.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme && scheme < at ? text[..(scheme + 3)] + "…" + text[at..] : text;

    [GeneratedRegex(@"\A(?<user>[A-Za-z0-9._-]+)@(?<host>[A-Za-z0-9.-]+):(?<path>[^/:][^:]*)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex ShortForm();

    [GeneratedRegex(@"\A[A-Za-z0-9._][A-Za-z0-9._-]{0,99}\z")]
    private static partial Regex User();

    [GeneratedRegex(@"\A[A-Za-z0-9._][A-Za-z0-9._/+@-]{0,254}\z")]
    private static partial Regex Revision();
}
