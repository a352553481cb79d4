namespace Grid.Oci;

/// <summary>
/// Where an image is, as users write it: <c>registry.example/app:1</c> (a registry), <c>oci:DIR[:TAG]</c> (an OCI layout directory) or
/// <c>docker:NAME</c> (the Docker engine of this machine). <see cref="ToString"/> gives back what <see cref="Parse"/> reads.
/// </summary>
public abstract record ImageLocation
{
    private ImageLocation() { }

    /// <summary>An image in a registry.</summary>
    public sealed record Registry(ImageReference Reference) : ImageLocation
    {
        public override string ToString() => Reference.ToString();
    }

    /// <summary>An image in an OCI layout directory; without a tag the only manifest of the index, or <c>latest</c>. A digest pins it.</summary>
    public sealed record Layout(string Directory, string? Tag, Digest Digest = default) : ImageLocation
    {
        public override string ToString() => "oci:" + Directory + (Tag is null ? "" : ":" + Tag) + (Digest.IsEmpty ? "" : "@" + Digest);
    }

    /// <summary>An image of a Docker engine.</summary>
    public sealed record Docker(string Name) : ImageLocation
    {
        public override string ToString() => "docker:" + Name;
    }

    /// <summary>Reads a location; throws <see cref="FormatException"/> with what is wrong.</summary>
    public static ImageLocation Parse(string text)
    {
        if (text.StartsWith("docker:", StringComparison.Ordinal))
            return text.Length > 7 ? new Docker(text[7..]) : throw new FormatException("'docker:' wants an image name behind it");
        if (!text.StartsWith("oci:", StringComparison.Ordinal))
            return new Registry(ImageReference.Parse(text));
        var rest = text[4..];
        var digest = default(Digest);
        if (rest.LastIndexOf("@sha256:", StringComparison.Ordinal) is var at and >= 0)
        {
            digest = Digest.Parse(rest[(at + 1)..]);
            rest = rest[..at];
        }
        var colon = rest.LastIndexOf(':');
        var tag = colon > rest.LastIndexOf('/') ? rest[(colon + 1)..] : null;
        var directory = tag is null ? rest : rest[..colon];
        if (directory.Length == 0 || directory.Contains('\0') || tag?.Length == 0)
            throw new FormatException($"'{text}' is not of the form oci:DIR[:TAG]");
        var path = Path.GetFullPath(directory);
        return (tag is null && path.LastIndexOf(':') > path.LastIndexOf('/')) || (digest.IsEmpty && path.EndsWith("@sha256", StringComparison.Ordinal))
            ? throw new FormatException($"'{text}': the directory '{path}' ends in what reads as a tag or a digest; give it another name")
            : new Layout(path, tag, digest);
    }
}
