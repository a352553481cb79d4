using Grid.Lifecycle.Extend;

namespace Grid.Lifecycle.Tests.Extend;

public sealed class OwnedDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-owned-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void RemoveDead_OwnerLives_LeavesItAlone()
    {
        using var own = OwnedDirectory.Make(_root, "p-");
        File.WriteAllText(Path.Combine(own.Path, "f"), "x");
        OwnedDirectory.RemoveDead(_root, "p-");
        File.Exists(Path.Combine(own.Path, "f")).ShouldBeTrue();
    }

    [Fact]
    public void RemoveDead_OwnerIsGone_RemovesDirectoryAndLock()
    {
        // What is left when nobody holds the lock any more: the kernel drops it with the process.
        Directory.CreateDirectory(Path.Combine(_root, "p-1", "below"));
        File.WriteAllText(Path.Combine(_root, "p-1", "below", "f"), "x");
        File.WriteAllText(Path.Combine(_root, "p-1.lock"), "");
        // Killed before there was a directory, and somebody else's.
        File.WriteAllText(Path.Combine(_root, "p-2.lock"), "");
        Directory.CreateDirectory(Path.Combine(_root, "other-3"));
        OwnedDirectory.RemoveDead(_root, "p-");
        Directory.GetFileSystemEntries(_root).Select(Path.GetFileName).ShouldBe(["other-3"]);
    }

    [Fact]
    public void Dispose_RemovesDirectoryAndLock()
    {
        OwnedDirectory.Make(_root, "p-").Dispose();
        Directory.GetFileSystemEntries(_root).ShouldBeEmpty();
    }
}
