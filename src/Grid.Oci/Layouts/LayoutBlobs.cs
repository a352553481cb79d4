using Grid.Oci.Images;

namespace Grid.Oci.Layouts;

/// <summary>The blobs of an OCI layout directory (OCI image-spec, image-layout.md): <c>blobs/sha256/HEX</c>.</summary>
/// <remarks>The directory may be hostile: only regular files directly under <c>blobs/sha256</c> are opened, and what is read is verified.</remarks>
public sealed class LayoutBlobs(string directory) : IBlobSource
{
    /// <inheritdoc/>
    public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        if (blob.Digest.IsEmpty)
            throw new BlobNotFoundException($"layout {directory}: a blob without a digest cannot be found");
        var path = PathIn(directory, blob.Digest);
        if (!File.Exists(path))
            throw new BlobNotFoundException($"layout {directory} has no blob {blob.Digest}; it is incomplete, write it again");
        if (!IsPlainFile(path))
            throw new ImageFormatException(
                $"layout {directory}: blob {blob.Digest} is not a regular file inside the layout; it is not read");
        // Before it is opened: a pipe in the place of a blob has no length, and opening one would wait for ever.
        if (new FileInfo(path).Length is var length && length != blob.Size)
            throw new BlobMismatchException(
                $"layout {directory}: blob {blob.Digest} has {length} bytes instead of the {blob.Size} of its descriptor");
        var file = new FileStream(
            path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read | FileShare.Delete, BufferSize = 0 });
        return Task.FromResult<Stream>(new VerifyingStream(file, blob, directory));
    }

    internal static string PathIn(string directory, Digest digest) => Path.Combine(directory, "blobs", "sha256", digest.Hex);

    // A link would let a layout that came from somebody else read any file of this machine.
    private bool IsPlainFile(string path)
    {
        foreach (var part in (string[])[Path.Combine(directory, "blobs"), Path.Combine(directory, "blobs", "sha256")])
        {
            if (!Directory.Exists(part) || new DirectoryInfo(part).LinkTarget is not null)
                return false;
        }
        var info = new FileInfo(path);
        return info is { Exists: true, LinkTarget: null } && !info.Attributes.HasFlag(FileAttributes.Directory)
            && !info.Attributes.HasFlag(FileAttributes.Device);
    }
}
