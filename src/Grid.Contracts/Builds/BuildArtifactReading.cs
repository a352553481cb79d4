using System.Text;
using Grid.Buildpacks.Detect;

namespace Grid.Contracts.Builds;

/// <summary>All files of a build: those that are stored, and those that what is known of it is written down in.</summary>
public static class BuildArtifactReading
{
    /// <summary>The files of a build, sorted by name. What detection found is there as soon as it is known.</summary>
    /// <param name="artifacts">The stored ones.</param>
    /// <param name="buildKey">The build.</param>
    /// <param name="details">What is known of it.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<IReadOnlyList<ArtifactFile>> ReadAllAsync(this IBuildArtifacts artifacts, string buildKey, BuildDetails details, CancellationToken cancellationToken) =>
        [.. (await artifacts.ReadAsync(buildKey, cancellationToken)).Concat(Known(details)).DistinctBy(f => f.Name).OrderBy(f => f.Name, StringComparer.Ordinal)];

    /// <summary>Named as the reference lifecycle names them below its layers and generated directories (platform.md §group.toml, §plan.toml, §generated).</summary>
    private static IEnumerable<ArtifactFile> Known(BuildDetails details)
    {
        if (details.Group is { } group)
            yield return Text("group.toml", GroupFiles.Write(group));
        if (details.Plan is { } plan)
            yield return Text("plan.toml", GroupFiles.Write(plan));
        if (details.ProjectMetadata is { } metadata)
            yield return Text("project-metadata.toml", metadata);
        foreach (var dockerfile in details.Dockerfiles)
            yield return Text($"generated/{dockerfile.ExtensionId.Replace('/', '_')}/{dockerfile.FileName}", dockerfile.Text);
    }

    private static ArtifactFile Text(string name, string text) => new(name, Encoding.UTF8.GetBytes(text));
}
