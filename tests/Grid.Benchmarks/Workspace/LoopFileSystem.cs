namespace Grid.Benchmarks.Workspace;

/// <summary>
/// An ext4 with a journal in one file, mounted for the time of the benchmark: all stores are on it. On an ext4 without a journal creating a
/// file is many times slower for a while after files were deleted, so that figures there say more about the round before than about the tool.
/// </summary>
internal sealed class LoopFileSystem : IAsyncDisposable
{
    private const long Size = 24L << 30;
    private readonly string _image;

    private LoopFileSystem(string image, string directory) => (_image, Directory) = (image, directory);

    /// <summary>Where it is mounted.</summary>
    public string Directory { get; }

    public static async Task<LoopFileSystem> CreateAsync(string image, string directory, CancellationToken cancellationToken)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new BenchmarkException("mounting a file system needs root: run it as root");
        if (IsMounted(directory))
            await Tool.RunAsync("umount", ["--lazy", directory], cancellationToken);
        File.Delete(image);
        await using (var file = File.Create(image))
            file.SetLength(Size);
        await Tool.RunAsync("mkfs.ext4", ["-q", "-F", image], cancellationToken);
        System.IO.Directory.CreateDirectory(directory);
        await Tool.RunAsync("mount", ["-o", "loop,noatime", image, directory], cancellationToken);
        return new LoopFileSystem(image, directory);
    }

    public async ValueTask DisposeAsync()
    {
        await Tool.RunAsync("umount", ["--recursive", Directory], CancellationToken.None);
        File.Delete(_image);
    }

    private static bool IsMounted(string directory) =>
        File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ')[4] == directory);
}
