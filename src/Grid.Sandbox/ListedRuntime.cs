using Grid.Oci.Network;

namespace Grid.Sandbox;

/// <summary>A runtime whose sandboxes reach only what is listed.</summary>
public sealed class ListedRuntime(ISandboxRuntime runtime, EgressList list) : ISandboxRuntime
{
    /// <inheritdoc/>
    public string Name => runtime.Name;

    /// <inheritdoc/>
    public string? Warning => runtime.Warning;

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) => runtime.ProbeAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken) => runtime.CreateAsync(spec with { Egress = list.Within(spec.Egress) }, cancellationToken);

    /// <inheritdoc/>
    public Task RecoverAsync(CancellationToken cancellationToken) => runtime.RecoverAsync(cancellationToken);
}
