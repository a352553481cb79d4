using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Oci.Tests.Content;

public sealed class ContentStoreCheckTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-check-").FullName;
    private ContentStore _store;

    public ContentStoreCheckTests() => _store = new ContentStore(_directory);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private Descriptor Put(string text) => _store.Put(System.Text.Encoding.UTF8.GetBytes(text), "application/x");

    private void Change(Descriptor blob, byte[] content)
    {
        var path = _store.PathOf(blob.Digest);
        File.WriteAllBytes(path, content);
        // Whatever resolution the file system has, this is another time.
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddSeconds(1));
    }

    [Fact]
    public void Check_Written_IsIntact() => _store.Check(Put("hello")).ShouldBe(BlobCheck.Intact);

    [Fact]
    public void Check_NotThere_IsMissing() => _store.Check(new Descriptor("application/x", Digest.Compute("x"u8), 1)).ShouldBe(BlobCheck.Missing);

    [Fact]
    public void Check_CutShort_IsDamagedAndRemoved()
    {
        var blob = Put("hello");
        Change(blob, "hell"u8.ToArray());

        _store.Check(blob).ShouldBe(BlobCheck.Damaged);
        _store.Check(blob).ShouldBe(BlobCheck.Missing);
    }

    [Fact]
    public void Check_OtherBytesOfTheSameLength_IsDamagedAndRemoved()
    {
        var blob = Put("hello");
        Change(blob, "jello"u8.ToArray());

        _store.Check(blob).ShouldBe(BlobCheck.Damaged);
        _store.Contains(blob.Digest).ShouldBeFalse();
    }

    [Fact]
    public void Check_AfterRestartOfTheProcess_TrustsWhatWasVerified()
    {
        var blob = Put("hello");
        var path = _store.PathOf(blob.Digest);
        var written = File.GetLastWriteTimeUtc(path);
        _store = new ContentStore(_directory);
        // Bytes nobody looks at any more, with the time of the write that was verified: proof that they are not hashed again.
        File.WriteAllText(path, "jello");
        File.SetLastWriteTimeUtc(path, written);

        _store.Check(blob).ShouldBe(BlobCheck.Intact);
    }

    [Fact]
    public void Check_AfterRestartOfTheMachine_HashesAgain()
    {
        var blob = Put("hello");
        var path = _store.PathOf(blob.Digest);
        var written = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "jello");
        File.SetLastWriteTimeUtc(path, written);
        var verified = File.ReadAllBytes(Path.Combine(_directory, "verified"));
        verified[0] ^= 1;
        File.WriteAllBytes(Path.Combine(_directory, "verified"), verified);
        _store = new ContentStore(_directory);

        _store.Check(blob).ShouldBe(BlobCheck.Damaged);
    }

    [Fact]
    public void Check_TornRecord_OnlyHashesAgain()
    {
        var (first, second) = (Put("first"), Put("second"));
        var path = Path.Combine(_directory, "verified");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^7]);
        _store = new ContentStore(_directory);

        _store.Check(first).ShouldBe(BlobCheck.Intact);
        _store.Check(second).ShouldBe(BlobCheck.Intact);
        ((new FileInfo(path).Length - 36) % 40).ShouldBe(0);
    }

    [Fact]
    public void Commit_OverDamagedBlob_ReplacesIt()
    {
        var blob = Put("hello");
        Change(blob, "jello"u8.ToArray());
        using (var writer = _store.CreateWriter())
        {
            writer.Write("hello"u8);
            writer.Commit("application/x");
        }

        File.ReadAllText(_store.PathOf(blob.Digest)).ShouldBe("hello");
    }

    [Fact]
    public void LastUsed_Used_MovesOn()
    {
        var blob = Put("hello");
        var old = TimeProvider.System.GetUtcNow().AddDays(-3);
        File.SetLastAccessTimeUtc(_store.PathOf(blob.Digest), old.UtcDateTime);
        _store.DeleteUnused(blob.Digest, old).ShouldBeFalse();

        _store.Check(blob);

        _store.LastUsed(blob.Digest)!.Value.ShouldBeGreaterThan(old.AddDays(2));
        _store.DeleteUnused(blob.Digest, old.AddDays(1)).ShouldBeFalse();
        _store.DeleteUnused(blob.Digest, DateTimeOffset.MaxValue).ShouldBeTrue();
        _store.LastUsed(blob.Digest).ShouldBeNull();
    }

    [Fact]
    public void Write_AtTheBound_IsRefusedAndRoomComesBack()
    {
        _store = new ContentStore(_directory, maxBytes: 10);
        var blob = Put("12345");
        using (var writer = _store.CreateWriter())
        {
            writer.Write("1234"u8);
            Should.Throw<IOException>(() => writer.Write("56"u8)).Message.ShouldContain("grid cache prune");
        }
        Put("abcde");
        Put("abcde");
        Should.Throw<IOException>(() => Put("x"));
        _store.Delete(blob.Digest);
        Put("x");
        _store.List().Sum(b => b.Size).ShouldBe(6);
    }
}
