using Grid.Oci.Images;

namespace Grid.Oci.Layouts;

/// <summary>Writes blobs into a layout directory, each as a whole or not at all; safe with others doing the same.</summary>
internal sealed class LayoutWriter(string directory, IProgress<PushProgress>? progress)
{
    private readonly string _blobs = Path.Combine(directory, "blobs", "sha256");

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_blobs);
        await LayoutIndex.WriteMarkerAsync(directory, cancellationToken);
    }

    /// <summary>Links the blob when it is a file of this file system, else copies it; one that is there in its full size is left alone.</summary>
    public async Task WriteAsync(Descriptor blob, IBlobSource source, CancellationToken cancellationToken)
    {
        var path = LayoutBlobs.PathIn(directory, blob.Digest);
        if (new FileInfo(path) is { Exists: true, LinkTarget: null } file && file.Length == blob.Size)
        {
            progress?.Report(new PushProgress(blob, PushStep.Exists, 0));
            return;
        }
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            if (source is IBlobFiles files && files.PathOf(blob) is { } existing && HardLink.TryCreate(existing, temporary))
            {
                File.Move(temporary, path, overwrite: true);
                progress?.Report(new PushProgress(blob, PushStep.Mounted, 0));
                return;
            }
            await CopyAsync(blob, source, temporary, cancellationToken);
            File.Move(temporary, path, overwrite: true);
            progress?.Report(new PushProgress(blob, PushStep.Sent, blob.Size));
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static async Task CopyAsync(Descriptor blob, IBlobSource source, string target, CancellationToken cancellationToken)
    {
        await using var content = new VerifyingStream(await source.OpenAsync(blob, cancellationToken), blob, "its source");
        await using var file = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: false);
        await content.CopyToAsync(file, 1 << 18, cancellationToken);
        if (file.Length != blob.Size)
            throw new BlobMismatchException($"blob {blob.Digest} ended after {file.Length} of {blob.Size} bytes");
    }
}
