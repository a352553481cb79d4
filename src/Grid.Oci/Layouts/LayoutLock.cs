namespace Grid.Oci.Layouts;

/// <summary>Lets one writer at a time change an index, across processes (flock on a file that stays).</summary>
internal static class LayoutLock
{
    private const string FileName = ".grid-lock";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);

    public static async Task<IDisposable> AcquireAsync(string directory, TimeSpan patience, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, FileName);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(patience);
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException)
                && File.Exists(path))
            {
                if (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                    throw new IOException(
                        $"layout {directory} has been locked by another process for {patience.TotalSeconds:0} s ({path}); see what that process is doing", e);
            }
            await Task.Delay(Pause, cancellationToken);
        }
    }
}
