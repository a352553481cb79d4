using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Export;

/// <summary>
/// Turns what a build left on disk into layers in the content store (the first half of platform.md §exporter). Runs where the build ran; afterwards the
/// build's directory can go.
/// </summary>
public static class LayerPacker
{
    /// <summary>Packs the app. Layers that do not depend on each other are packed at once.</summary>
    /// <param name="files">The build's tree: layers, app and, when the builder brings one, the launcher.</param>
    /// <param name="store">Where the layers go.</param>
    /// <param name="input">What was built, and the previous image.</param>
    /// <param name="log">The reference's lines.</param>
    /// <param name="cancellationToken">Stops packing.</param>
    /// <exception cref="LifecycleException">Exit code 62: a broken layer.toml, glob or process type, or a launch layer that is neither here nor in the previous image.</exception>
    public static async Task<PackedApp> PackAsync(
        IFileTree files, ContentStore store, PackInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            var plan = PackPlan.Make(files, store, input, log);
            await Parallel.ForEachAsync(
                plan.Jobs,
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken },
                (job, token) =>
                {
                    job.Run(token);
                    return ValueTask.CompletedTask;
                });
            return plan.Collect();
        }
        catch (Exception e) when (e is TomlFormatException or FormatException or IOException)
        {
            throw new LifecycleException(ExitCode.ExportError, e.Message, e);
        }
    }
}
