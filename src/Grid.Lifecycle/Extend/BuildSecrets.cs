using System.Collections.Concurrent;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// Values for RUN --mount=type=secret of the builds of this node. They are in memory only, from the moment a build is asked for until it has ended: no
/// grain, file, journal, key or trace has them.
/// </summary>
public sealed class BuildSecrets
{
    private readonly ConcurrentDictionary<string, IReadOnlyDictionary<string, byte[]>> _builds = new(StringComparer.Ordinal);

    /// <summary>Keeps a build's secrets, by id, until the answer is disposed.</summary>
    public IDisposable Keep(string buildKey, IReadOnlyDictionary<string, byte[]> secrets)
    {
        _builds[buildKey] = secrets;
        return new Kept(this, buildKey);
    }

    /// <summary>A build's secret, or null when it was given none of that id.</summary>
    public byte[]? Find(string buildKey, string id) =>
        _builds.TryGetValue(buildKey, out var secrets) && secrets.TryGetValue(id, out var value) ? value : null;

    private sealed class Kept(BuildSecrets owner, string buildKey) : IDisposable
    {
        public void Dispose() => owner._builds.TryRemove(buildKey, out _);
    }
}
