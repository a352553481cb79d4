using System.Text.RegularExpressions;

namespace Grid.Oci;

/// <summary>
/// The name of an image in a registry, <c>host[:port]/repository[:tag][@digest]</c>, in the grammar of distribution/reference.
/// A name without a host belongs to <c>index.docker.io</c> (and <c>library/</c> when it has one part), without tag and digest it means <c>latest</c>.
/// </summary>
public sealed partial record ImageReference(string Registry, string Repository, string? Tag, Digest Digest = default)
{
    /// <summary>The registry that names without a host belong to.</summary>
    public const string DefaultRegistry = "index.docker.io";

    /// <summary>The name without tag and digest.</summary>
    public string Name => Registry + "/" + Repository;

    /// <summary>What to ask the registry for: the digest when there is one, else the tag, else <c>latest</c>.</summary>
    public string Identifier => Digest.IsEmpty ? Tag ?? "latest" : Digest.ToString();

    /// <summary>Reads a reference; throws <see cref="FormatException"/> with what is wrong.</summary>
    public static ImageReference Parse(string text)
    {
        var rest = text;
        var digest = default(Digest);
        if (rest.IndexOf('@') is var at and >= 0)
        {
            if (!Digest.TryParse(rest[(at + 1)..], out digest))
                throw new FormatException($"image reference '{text}': '{rest[(at + 1)..]}' is not a sha256 digest");
            rest = rest[..at];
        }
        string? tag = null;
        if (rest.LastIndexOf(':') is var colon && colon > rest.LastIndexOf('/'))
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (!TagPattern().IsMatch(tag))
                throw new FormatException($"image reference '{text}': '{tag}' is not a tag (letters, digits, '_', '.', '-'; at most 128)");
        }
        var slash = rest.IndexOf('/');
        var first = slash < 0 ? "" : rest[..slash];
        var registry = DefaultRegistry;
        if (first.Contains('.') || first.Contains(':') || first == "localhost")
        {
            registry = first == "docker.io" ? DefaultRegistry : first;
            rest = rest[(slash + 1)..];
        }
        if (registry == DefaultRegistry && !rest.Contains('/'))
            rest = "library/" + rest;
        if (!RepositoryPattern().IsMatch(rest) || rest.Length > 255 || !HostPattern().IsMatch(registry))
            throw new FormatException($"image reference '{text}': want host[:port]/repository[:tag][@sha256:…] with a lower-case repository");
        return new ImageReference(registry, rest, tag, digest);
    }

    /// <inheritdoc/>
    public override string ToString() => Name + (Tag is null ? "" : ":" + Tag) + (Digest.IsEmpty ? "" : "@" + Digest);

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\z")]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"\A[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex RepositoryPattern();

    [GeneratedRegex(@"\A(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\z")]
    private static partial Regex HostPattern();
}
