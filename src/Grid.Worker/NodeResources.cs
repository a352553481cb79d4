using Grid.Lifecycle.Extend;
using Grid.Oci.Content;

namespace Grid.Worker;

/// <summary>What this node keeps for Dockerfile steps over the builds: cache volumes, secrets of running builds, and the way to the network.</summary>
public sealed class NodeResources(WorkerOptions options, ContentStore content, BuildSecrets secrets) : IDisposable
{
    private readonly CacheVolumes _caches = new(options.CacheVolumesDirectory);
    private readonly StepScratch _scratch = new();

    /// <summary>Fetches what ADD names by URL.</summary>
    public UrlFetcher Urls { get; } = new(content, options.Hosts);

    /// <summary>What the steps of one build can use.</summary>
    /// <param name="buildKey">The build.</param>
    /// <param name="contexts">Its contexts.</param>
    /// <param name="given">Secrets that the step asks for and the tenant has; those of a build of this process come first.</param>
    /// <param name="urls">What fetches for this build; <see cref="Urls"/> when null.</param>
    internal StepResources For(string buildKey, ContextStore contexts, IReadOnlyDictionary<string, byte[]> given, UrlFetcher? urls) =>
        new(contexts, _caches, id => secrets.Find(buildKey, id) ?? given.GetValueOrDefault(id), urls ?? Urls, _scratch);

    /// <summary>A secret that a build of this process was given; null when there is none of that id.</summary>
    internal byte[]? SecretOf(string buildKey, string id) => secrets.Find(buildKey, id);

    public void Dispose()
    {
        _scratch.Dispose();
        Urls.Dispose();
    }
}
