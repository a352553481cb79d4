namespace Grid.Hosting;

/// <summary>
/// One embedded grid at a time owns a data directory: two silos over one directory of state files would each believe to be the only one.
/// The kernel drops the lock when the process dies.
/// </summary>
public sealed class DataDirectoryLock : IDisposable
{
    private readonly FileStream _file;

    private DataDirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, saying once on standard error when it has to wait for another process.</summary>
    public static async Task<DataDirectoryLock> TakeAsync(string directory, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, "grid.lock");
        for (var told = false; ; told = true)
        {
            try
            {
                return new DataDirectoryLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException) when (File.Exists(path))
            {
                if (!told)
                    await Console.Error.WriteLineAsync($"grid: another build uses {directory}; waiting for it (use --data-dir for builds side by side)");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancellationToken);
        }
    }

    public void Dispose() => _file.Dispose();
}
