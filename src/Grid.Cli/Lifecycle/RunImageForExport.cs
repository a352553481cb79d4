using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Order;

namespace Grid.Cli.Lifecycle;

/// <summary>Which names of the run image the app's label gets, for a later rebase (platform.md §Run image resolution).</summary>
internal static class RunImageForExport
{
    /// <summary>The entry of run.toml that has the image; of stack.toml before Platform API 0.12. Null when the file has none.</summary>
    /// <param name="inputs">Where the file is.</param>
    /// <param name="name">The name in analyzed.toml.</param>
    /// <param name="build">Extensions may have switched to an image that run.toml does not know; then its name is all that is known.</param>
    public static RunImageNames? Find(PhaseInputs inputs, string name, BuildMetadata build)
    {
        if (inputs.Api < new ApiVersion(0, 12))
            return RunImages.ReadStackIfExists(InPlace.Files, inputs.Get(PhaseFlags.Stack));
        var known = RunImages.ReadIfExists(InPlace.Files, inputs.Get(PhaseFlags.Run));
        return known is not { Images: [var first, ..] } ? null
            : known.Find(name) ?? (build.Extensions.Count > 0 ? new RunImageNames { Image = name } : first);
    }
}
