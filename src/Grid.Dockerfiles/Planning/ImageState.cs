using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Dockerfiles.Planning;

/// <summary>An image between two steps: its layers by name, and its configuration.</summary>
/// <param name="DiffIds">Bottom first.</param>
/// <param name="Config">The container configuration.</param>
/// <param name="Os">In Go's words.</param>
/// <param name="Arch">In Go's words.</param>
public sealed record ImageState(IReadOnlyList<Digest> DiffIds, ContainerConfig Config, string Os, string Arch)
{
    /// <summary>The processor's variant, or null.</summary>
    public string? Variant { get; init; }

    /// <summary>The state with one more layer on top; the same state when the step made none.</summary>
    public ImageState WithLayer(Digest? diffId) => diffId is { IsEmpty: false } layer ? this with { DiffIds = [.. DiffIds, layer] } : this;

    /// <summary>The working directory as an absolute path.</summary>
    internal string WorkingDirectory => ImagePath.Normalize("/", Config.WorkingDir ?? "");

    /// <summary>The value of a variable of <see cref="ContainerConfig.Env"/>, or null.</summary>
    internal string? Variable(string name)
    {
        foreach (var entry in Config.Env ?? [])
        {
            if (entry.Length > name.Length && entry[name.Length] == '=' && entry.StartsWith(name, StringComparison.Ordinal))
                return entry[(name.Length + 1)..];
        }
        return null;
    }
}
