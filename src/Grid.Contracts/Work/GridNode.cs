namespace Grid.Contracts.Work;

/// <summary>The node this silo runs on.</summary>
/// <param name="Name">Stable over restarts; the key of its <see cref="IWorkerGrain"/>.</param>
public sealed record GridNode(string Name);
