using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Tests.Extend;

public sealed class RootUsersTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-users-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void RootUsers_NoPasswd_AreNone() => UserLookup.RootUsers(new RootedDirectory(_root)).ShouldBeEmpty();

    [Theory]
    [InlineData("root:x:0:0::/root:/bin/sh\ncnb:x:1001:1001::/:", "")]
    [InlineData("root:x:0:0\ntoor:x:0:0::/:\ncnb:x:1001:0", "toor")]
    [InlineData("1001:x:0:0::/:", "1001")]
    [InlineData("a:x:00:5\nb:x:+0:5\nc:x:-0:5\nd:x:0x0:5\ne\nf:x::5\ng:x: 0:5", "a b c d e f g")]
    [InlineData("nobody:x:-2:-2\nbig:x:4294967296:0", "")]
    [InlineData(" spaced:x:0:0 \r\n\n:x:0:0\n", "spaced")]
    public void RootUsers_AreThoseEnginesTakeForUser0(string passwd, string expected)
    {
        Directory.CreateDirectory(Path.Combine(_root, "etc"));
        File.WriteAllText(Path.Combine(_root, "etc", "passwd"), passwd);
        string.Join(' ', UserLookup.RootUsers(new RootedDirectory(_root))).ShouldBe(expected);
    }

    [Fact]
    public void RootUsers_TooMany_IsAnError()
    {
        Directory.CreateDirectory(Path.Combine(_root, "etc"));
        File.WriteAllLines(Path.Combine(_root, "etc", "passwd"), Enumerable.Range(0, 65).Select(i => $"u{i}:x:0:0"));
        Should.Throw<FormatException>(() => UserLookup.RootUsers(new RootedDirectory(_root))).Message.ShouldContain("65 users with ID 0");
    }
}
