namespace Grid.Lifecycle.Extend;

/// <summary>What a node has for the steps of one build, besides layers.</summary>
/// <param name="Contexts">Unpacked build contexts of this build.</param>
/// <param name="Caches">Cache volumes of the node.</param>
/// <param name="Secret">Gives a secret of this build by its id, or null.</param>
/// <param name="Urls">Fetches what ADD names by URL.</param>
/// <param name="Scratch">Where what RUN mounts is while it runs.</param>
public sealed record StepResources(ContextStore Contexts, CacheVolumes Caches, Func<string, byte[]?> Secret, UrlFetcher Urls, StepScratch Scratch);
