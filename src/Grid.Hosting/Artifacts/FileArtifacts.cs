using Grid.Contracts.Builds;

namespace Grid.Hosting.Artifacts;

/// <summary>Artifacts of builds as archives in a directory of this node, a directory for each build.</summary>
public sealed class FileArtifacts(string directory) : IBuildArtifacts
{
    /// <inheritdoc/>
    public async Task WriteAsync(string buildKey, ArtifactPart part, IReadOnlyList<ArtifactFile> files, CancellationToken cancellationToken)
    {
        var path = Path.Combine(Directory.CreateDirectory(DirectoryOf(buildKey)).FullName, ArtifactArchive.NameOf(part));
        // Whoever reads meets the old archive or the new one.
        var unfinished = $"{path}.{Guid.NewGuid():N}";
        await File.WriteAllBytesAsync(unfinished, ArtifactArchive.Pack(files), cancellationToken);
        File.Move(unfinished, path, overwrite: true);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ArtifactFile>> ReadAsync(string buildKey, CancellationToken cancellationToken)
    {
        var files = new List<ArtifactFile>();
        foreach (var part in ArtifactArchive.Parts)
        {
            var path = Path.Combine(DirectoryOf(buildKey), ArtifactArchive.NameOf(part));
            if (!File.Exists(path))
                continue;
            using var stream = File.OpenRead(path);
            files.AddRange(ArtifactArchive.Unpack(stream, path));
        }
        return Task.FromResult<IReadOnlyList<ArtifactFile>>([.. files.DistinctBy(f => f.Name)]);
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string buildKey, CancellationToken cancellationToken)
    {
        if (Directory.Exists(DirectoryOf(buildKey)))
            Directory.Delete(DirectoryOf(buildKey), recursive: true);
        return Task.CompletedTask;
    }

    private string DirectoryOf(string buildKey) => Path.Combine(directory, Uri.EscapeDataString(buildKey));
}
