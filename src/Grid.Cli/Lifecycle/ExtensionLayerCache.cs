using System.Text.Json;
using Grid.Dockerfiles.Keys;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Cli.Lifecycle;

/// <summary>
/// Layers of earlier extensions in <c>/kaniko/cache/layers</c>: a content store, and for each key of a step a small file that names its layer. A key says all that
/// decides the layer, so an entry is good as long as it may be used at all.
/// </summary>
/// <param name="directory">Where it is.</param>
/// <param name="lifetime">How long entries are used (<c>-kaniko-cache-ttl</c>); older ones are removed.</param>
internal sealed class ExtensionLayerCache(string directory, TimeSpan lifetime)
{
    private readonly string _steps = Path.Combine(directory, "steps");

    public ContentStore Content { get; } = new(Path.Combine(directory, "content"));

    /// <summary>Where directories of RUN --mount=type=cache are kept.</summary>
    public string VolumesDirectory => Path.Combine(directory, "volumes");

    /// <summary>What a step made; null when it is not known. A known step that changed nothing has no layer.</summary>
    public CachedStep? Find(StepKey key)
    {
        try
        {
            var step = JsonSerializer.Deserialize<CachedStep>(File.ReadAllBytes(PathOf(key)));
            return step?.Layer is { } layer && !IsHere(layer) ? null : step;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Not there, or written by half: the step runs again.
            return null;
        }
    }

    /// <summary>Remembers what a step made.</summary>
    public void Add(StepKey key, CachedStep step)
    {
        Directory.CreateDirectory(_steps);
        var path = PathOf(key);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(step));
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Removes entries that are too old.</summary>
    public void Expire(TimeProvider time)
    {
        if (!Directory.Exists(_steps))
            return;
        foreach (var file in new DirectoryInfo(_steps).EnumerateFiles())
        {
            if (time.GetUtcNow().UtcDateTime - file.LastWriteTimeUtc > lifetime)
                file.Delete();
        }
    }

    private bool IsHere(Layer layer) => new FileInfo(Content.PathOf(layer.Blob.Digest)) is { Exists: true } blob && blob.Length == layer.Blob.Size;

    private string PathOf(StepKey key) => Path.Combine(_steps, key.Digest.Hex);
}

/// <summary>A step that has run.</summary>
/// <param name="Layer">What it made; null when it changed nothing.</param>
/// <param name="RootUsers">Names that are root in the image's passwd behind it; null when it was not looked at.</param>
internal sealed record CachedStep(Layer? Layer, string[]? RootUsers = null);
