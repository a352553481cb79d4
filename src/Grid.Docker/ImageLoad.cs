using System.IO.Pipelines;
using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Oci.Images;

namespace Grid.Docker;

/// <summary>One <c>docker load</c>. The archive is written into a pipe whose other end is the request's body; whichever side fails first ends the other.</summary>
internal static class ImageLoad
{
    /// <summary>Loads an image under a tag and answers the engine's complaint, or null when there is none.</summary>
    public static async Task<string?> RunAsync(
        DockerClient client, ImageContent image, string tag, int present, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var errors = new Errors();
        var writing = WriteAsync(pipe.Writer, image, tag, present, progress, stop.Token);
        try
        {
            await using var body = pipe.Reader.AsStream();
            await client.Images.LoadImageAsync(new ImageLoadParameters { Quiet = true }, body, errors, cancellationToken);
        }
        catch (Exception) when (writing.IsFaulted)
        {
            // The engine only saw the archive end; why it ended is the news.
            await writing;
            throw;
        }
        finally
        {
            await stop.CancelAsync();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return errors.First;
    }

    private static async Task WriteAsync(
        PipeWriter pipe, ImageContent image, string tag, int present, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            await new DockerArchiveWriter(pipe.AsStream(leaveOpen: true), progress, present).WriteAsync(image, tag, Path.GetTempPath(), cancellationToken);
            await pipe.CompleteAsync();
        }
        catch (Exception e)
        {
            await pipe.CompleteAsync(e);
            throw;
        }
    }

    private sealed class Errors : IProgress<JSONMessage>
    {
        public string? First { get; private set; }

        public void Report(JSONMessage value) => First ??= value.Error?.Message;
    }
}
