using System.IO.Compression;
using Grid.Contracts.Builds;

namespace Grid.Hosting.Artifacts;

/// <summary>The files of one part of a build as they are stored: one zip archive, so that a part is there as a whole or not at all.</summary>
internal static class ArtifactArchive
{
    /// <summary>The parts, the one that counts before others first.</summary>
    public static readonly IReadOnlyList<ArtifactPart> Parts = Enum.GetValues<ArtifactPart>();

    /// <summary>A part's file name.</summary>
    public static string NameOf(ArtifactPart part) => part.ToString().ToLowerInvariant() + ".zip";

    public static byte[] Pack(IReadOnlyList<ArtifactFile> files)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var file in files)
            {
                using var entry = archive.CreateEntry(file.Name, CompressionLevel.Fastest).Open();
                entry.Write(file.Content.Span);
            }
        }
        return stream.ToArray();
    }

    /// <exception cref="IOException">It is damaged.</exception>
    public static IReadOnlyList<ArtifactFile> Unpack(Stream stream, string origin)
    {
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            return [.. archive.Entries.Select(Read)];
        }
        catch (InvalidDataException e)
        {
            throw new IOException($"{origin} is damaged: {e.Message}", e);
        }
    }

    private static ArtifactFile Read(ZipArchiveEntry entry)
    {
        using var content = entry.Open();
        using var bytes = new MemoryStream();
        content.CopyTo(bytes);
        return new ArtifactFile(entry.FullName, bytes.ToArray());
    }
}
