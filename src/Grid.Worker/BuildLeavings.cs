using System.Text;
using Grid.Contracts.Builds;
using Grid.Lifecycle;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Packages;
using Grid.Oci.FileSystem;

namespace Grid.Worker;

/// <summary>Keeps what a build leaves beside its image: SBOMs, metadata.toml, report.toml. An image is not thrown away because they could not be kept; that is said.</summary>
internal sealed class BuildLeavings(IBuildArtifacts artifacts, string buildKey, IPhaseLog log)
{
    private const string MetadataFile = "config/metadata.toml";
    private const int MaxFiles = 10_000;

    /// <summary>What it is when nobody wrote the deprecated bill of materials.</summary>
    private static readonly byte[] NoBill = "null\n"u8.ToArray();

    /// <summary>After the buildpacks: SBOMs of what they built and built with, and what they declared.</summary>
    public Task KeepAsync(IFileTree files, PhaseEnvironment environment, CancellationToken cancellationToken)
    {
        var found = new List<ArtifactFile>();
        var room = (long)IBuildArtifacts.MaxPartBytes;
        Take(files, environment.LayersDirectory, MetadataFile, found, ref room);
        foreach (var kind in new[] { "build", "launch" })
            Walk(files, environment.LayersDirectory, $"sbom/{kind}", found, ref room);
        return WriteAsync(ArtifactPart.Build, found, cancellationToken);
    }

    /// <summary>After export: the report, and SBOMs of what run extensions installed.</summary>
    public Task KeepAsync(ExportReport report, IReadOnlyList<ExtensionPackages> packages, CancellationToken cancellationToken) => WriteAsync(ArtifactPart.Export,
    [
        new ArtifactFile("report.toml", Encoding.UTF8.GetBytes(report.ToToml())),
        .. packages.Select(p => new ArtifactFile($"sbom/launch/{p.EscapedId}/sbom.cdx.json", ExtensionSbom.Write(p))),
    ], cancellationToken);

    private void Walk(IFileTree files, string root, string directory, List<ArtifactFile> found, ref long room)
    {
        if (files.Stat($"{root}/{directory}", followLinks: false) is not { IsDirectory: true })
            return;
        foreach (var entry in files.List($"{root}/{directory}"))
        {
            if (entry.IsDirectory)
                Walk(files, root, $"{directory}/{entry.Name}", found, ref room);
            else
                Take(files, root, $"{directory}/{entry.Name}", found, ref room);
        }
    }

    private void Take(IFileTree files, string root, string name, List<ArtifactFile> found, ref long room)
    {
        if (files.Stat($"{root}/{name}", followLinks: false) is not { IsFile: true })
            return;
        using var source = files.OpenRead($"{root}/{name}");
        var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        // Its length is not asked for: somebody may still write to it.
        while (content.Length <= room && source.Read(buffer) is > 0 and var read)
            content.Write(buffer, 0, read);
        if (content.Length > room || found.Count >= MaxFiles)
        {
            log.Warn($"{name} is not kept with the build: its files may have {IBuildArtifacts.MaxPartBytes} bytes together, and be {MaxFiles}");
            return;
        }
        if (name.EndsWith("sbom.legacy.json", StringComparison.Ordinal) && content.ToArray().AsSpan().SequenceEqual(NoBill))
            return;
        room -= content.Length;
        found.Add(new ArtifactFile(name, content.ToArray()));
    }

    private async Task WriteAsync(ArtifactPart part, IReadOnlyList<ArtifactFile> found, CancellationToken cancellationToken)
    {
        if (found.Count == 0)
            return;
        try
        {
            await artifacts.WriteAsync(buildKey, part, found, cancellationToken);
        }
        catch (IOException e)
        {
            log.Warn($"the build's report and SBOMs could not be kept: {e.Message}");
        }
    }
}
