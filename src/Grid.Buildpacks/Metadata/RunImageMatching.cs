using Grid.Oci;

namespace Grid.Buildpacks.Metadata;

/// <summary>Compares names of run images as the reference does: a digest does not count, a missing tag is <c>latest</c>, a missing registry Docker's.</summary>
public static class RunImageMatching
{
    /// <summary>Whether a name is the run image's, or one of its mirrors'.</summary>
    public static bool Has(this RunImageNames names, string image) => names.All.Any(name => Same(name, image));

    private static bool Same(string one, string other) => Normalized(one) == Normalized(other);

    private static string Normalized(string name)
    {
        var at = name.IndexOf("@sha256:", StringComparison.Ordinal);
        var bare = at < 0 ? name : name[..at];
        try
        {
            var reference = ImageReference.Parse(bare);
            return reference.Name + ":" + (reference.Tag ?? "latest");
        }
        catch (FormatException)
        {
            // Images of engines and layouts are not named in this grammar; they are equal when they are written alike.
            return bare;
        }
    }
}
