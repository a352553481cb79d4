using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Sandbox;

/// <summary>A runtime in whose sandboxes no process has a network, whatever it asks for.</summary>
public sealed class NetworklessRuntime(ISandboxRuntime runtime) : ISandboxRuntime
{
    /// <inheritdoc/>
    public string Name => runtime.Name;

    /// <inheritdoc/>
    public string? Warning => runtime.Warning;

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) => runtime.ProbeAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken) => new Sandbox(await runtime.CreateAsync(spec, cancellationToken));

    /// <inheritdoc/>
    public Task RecoverAsync(CancellationToken cancellationToken) => runtime.RecoverAsync(cancellationToken);

    private sealed class Sandbox(ISandbox sandbox) : ISandbox
    {
        public IFileTree Files => sandbox.Files;

        public Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken) => sandbox.RunAsync(process with { Network = false }, cancellationToken);

        public Task<Layer?> CommitAsync(CancellationToken cancellationToken) => sandbox.CommitAsync(cancellationToken);

        public ValueTask DisposeAsync() => sandbox.DisposeAsync();
    }
}
