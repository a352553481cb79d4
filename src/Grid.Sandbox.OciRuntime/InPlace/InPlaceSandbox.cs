using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>
/// The place we are in ourselves, for phases that a platform calls inside a container of its own: the tree is the machine's root and processes are
/// our children. It isolates nothing and adds nothing; what keeps buildpacks in is the container around us.
/// </summary>
public sealed class InPlaceSandbox : ISandbox
{
    /// <inheritdoc/>
    public IFileTree Files { get; } = new RootedDirectory("/");

    /// <inheritdoc/>
    /// <remarks>Another user than our own needs root. Bounds and privileges of the specification are those of the container around us.</remarks>
    public Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () =>
        {
            using var volumes = new InPlaceVolumes(process.ExtraVolumes, process.TemporaryFileSystems);
            return new InPlaceProcess(process).Run(cancellationToken);
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <inheritdoc/>
    /// <remarks>There is no snapshot to read back.</remarks>
    public Task<Layer?> CommitAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException("the place we run in is no snapshot; compare its files before and after instead");

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
