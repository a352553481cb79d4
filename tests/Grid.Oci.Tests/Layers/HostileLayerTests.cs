using System.Text;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Tests.FileSystem;
using static Grid.Oci.Tests.Layers.LayerTestData;

namespace Grid.Oci.Tests.Layers;

/// <summary>One layer for each way tars have left their directory or filled a disk. "outside" is beside the target and must stay as it is.</summary>
public sealed class HostileLayerTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly ContentStore _store;
    private readonly string _outside;
    private readonly string _target;

    public HostileLayerTests()
    {
        ScratchDirectory.NeedsRoot();
        _store = new ContentStore(_scratch.Sub("store"));
        _outside = _scratch.Sub("outside");
        _target = Path.Combine(_scratch.Path, "target");
        System.IO.File.WriteAllText(Path.Combine(_outside, "marker"), "untouched");
    }

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("../outside/marker")]
    [InlineData("a/../../outside/marker")]
    [InlineData("/../outside/marker")]
    [InlineData("..")]
    public async Task NameWithDotDot_IsRefused(string name) => await RefusedAsync(Write(_store, File(name)), "'..'");

    [Theory]
    [InlineData(".wh...")]
    [InlineData(".wh..")]
    [InlineData(".wh.")]
    [InlineData("d/.wh...")]
    public async Task WhiteoutOfTheParent_IsRefused(string name) => await RefusedAsync(Write(_store, File(name)), "whiteout of no name");

    [Fact]
    public async Task WhiteoutAsADirectory_IsRefused() => await RefusedAsync(Write(_store, File(".wh.a/b")), "whiteout");

    [Fact]
    public async Task FileThroughAnAbsoluteLink_StaysInside()
    {
        await UnpackAsync(Write(_store, Link("l", _outside), File("l/marker"), File("l/.wh.marker"), Dir("l/sub")));
        Intact();
        // As after a chroot: the link leads to the same path inside.
        System.IO.File.Exists(_target + _outside + "/marker").ShouldBeTrue();
    }

    [Fact]
    public async Task FileThroughARelativeLink_StaysInside()
    {
        await UnpackAsync(Write(_store, Dir("a"), Link("a/l", "../../../../outside"), File("a/l/marker"), Hard("h", "a/l/marker")));
        Intact();
        System.IO.File.Exists(_target + "/outside/marker").ShouldBeTrue();
    }

    [Fact]
    public async Task FileOverALink_ReplacesTheLink()
    {
        await UnpackAsync(Write(_store, (Link("l", _outside + "/marker"), []), (File("l"), "evil"u8.ToArray())));
        Intact();
        System.IO.File.ReadAllText(_target + "/l").ShouldBe("evil");
    }

    [Fact]
    public async Task DirectoryMetadata_IsNotAppliedThroughALinkThatReplacedIt()
    {
        var before = new RootedDirectory(_scratch.Path).Stat("/outside")!.Mode;
        await UnpackAsync(Write(_store, Dir("d", 0x1FF), Link("d", _outside)));
        new RootedDirectory(_scratch.Path).Stat("/outside")!.Mode.ShouldBe(before);
    }

    [Fact]
    public async Task HardLinkOut_IsRefused()
    {
        await RefusedAsync(Write(_store, Hard("h", "../outside/marker")), "'..'");
        await RefusedAsync(Write(_store, Hard("h", _outside + "/marker")), "neither before it in the layer");
        await RefusedAsync(Write(_store, Link("l", _outside), Hard("h", "l/marker")), "neither before it in the layer");
    }

    [Fact]
    public async Task HardLinkToALink_LinksTheLinkItself()
    {
        await UnpackAsync(Write(_store, (Link("l", _outside + "/marker"), []), (Hard("h", "l"), []), (File("h"), "evil"u8.ToArray())));
        Intact();
    }

    [Fact]
    public async Task LinkLoop_IsRefused() => await RefusedAsync(Write(_store, Link("a", "b"), Link("b", "a"), File("a/x")), "too many links");

    [Fact]
    public async Task MagicLink_LeadsNowhereOutside()
    {
        await UnpackAsync(Write(_store, Link("l", "/proc/self/root"), File("l/" + Path.GetRelativePath("/", _outside) + "/marker")));
        Intact();
    }

    [Fact]
    public async Task OverlayAttributes_AreDropped()
    {
        var entry = Dir("d") with { Xattrs = new Dictionary<string, byte[]> { ["trusted.overlay.redirect"] = "/etc"u8.ToArray(), ["user.overlay.opaque"] = "y"u8.ToArray(), ["user.ok"] = [1] } };
        await UnpackAsync(Write(_store, entry));
        new RootedDirectory(_target).GetXattrs("/d").ShouldNotBeNull().Keys.ShouldBe(["user.ok"]);
    }

    [Fact]
    public async Task MoreThanTheLimits_IsRefused()
    {
        var many = Write(_store, [.. Enumerable.Range(0, 50).Select(i => File("f" + i))]);
        await RefusedAsync(many, "more than the 49 entries", new LayerLimits { MaxEntries = 49 });
        var big = Write(_store, (File("bomb"), new byte[30_000_000]));
        await RefusedAsync(big, "more than", new LayerLimits { MaxBytes = 1_000_000 });
        var longName = Write(_store, File(string.Join('/', Enumerable.Repeat("abc", 2000))));
        await RefusedAsync(longName, "a name has 7999 bytes");
        var pax = Write(_store, File("f") with { Xattrs = new Dictionary<string, byte[]> { ["user.x"] = new byte[60_000] } });
        await RefusedAsync(pax, "extended header", new LayerLimits { MaxExtendedHeaderBytes = 50_000 });
    }

    [Fact]
    public void BrokenHeaders_AreRefusedWithAReason()
    {
        var good = Tar(_store, Write(_store, (File("f"), [1, 2, 3])));
        Reading(good[..700]).ShouldContain("ends inside a file");
        Reading(good[..100]).ShouldContain("ends inside a header");
        Reading(With(good, 0, (byte)'g')).ShouldContain("checksum");
        Reading(Sealed(With(good, 156, (byte)'S'))).ShouldContain("sparse");
        Reading(Sealed(With(good, 156, (byte)'V'))).ShouldContain("unknown type");
        Reading(Sealed(With(good, 124, (byte)'x'))).ShouldContain("wrong size");
        Reading(Sealed(With(good, 124, (byte)0xFF))).ShouldContain("wrong size");
        Reading(Extended("30 GNU.sparse.major=1\n")).ShouldContain("length");
        Reading(Extended("22 GNU.sparse.major=1\n")).ShouldContain("sparse");
        Reading(Extended("12 path=a\0b\n")).ShouldContain("zero byte");
        Reading(Extended("18 uid=4294967295\n")).ShouldContain("uid");
        Reading(Extended("999999999 path=a\n")).ShouldContain("length");
        Reading(Extended("11 size=-5\n")).ShouldContain("size");
    }

    private static string Reading(byte[] tar) => Should.Throw<InvalidDataException>(() => Read(new MemoryStream(tar))).Message;

    private byte[] Extended(string record)
    {
        var good = Tar(_store, Write(_store, File("f")));
        var bytes = Encoding.ASCII.GetBytes(record);
        var header = good[..512];
        header[156] = (byte)'x';
        Encoding.ASCII.GetBytes(Convert.ToString(bytes.Length, 8).PadLeft(11, '0')).CopyTo(header, 124);
        var content = new byte[512];
        bytes.CopyTo(content, 0);
        return [.. Sealed(header), .. content, .. good];
    }

    private static byte[] With(byte[] tar, int offset, byte value)
    {
        var copy = tar.ToArray();
        copy[offset] = value;
        return copy;
    }

    private static byte[] Sealed(byte[] tar)
    {
        tar.AsSpan(148, 8).Fill((byte)' ');
        var sum = tar.Take(512).Sum(b => b);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0')).CopyTo(tar, 148);
        return tar;
    }

    private void Intact()
    {
        Directory.EnumerateFileSystemEntries(_outside).ShouldBe([Path.Combine(_outside, "marker")]);
        System.IO.File.ReadAllText(Path.Combine(_outside, "marker")).ShouldBe("untouched");
    }

    private async Task RefusedAsync(Layer layer, string reason, LayerLimits? limits = null)
    {
        (await Should.ThrowAsync<InvalidDataException>(() => UnpackAsync(layer, limits))).Message.ShouldContain(reason);
        Intact();
        Directory.Exists(_target).ShouldBeFalse();
    }

    private Task UnpackAsync(Layer layer, LayerLimits? limits = null) =>
        LayerUnpacker.UnpackAsync(_store, layer, _target, [], limits ?? new LayerLimits(), TestContext.Current.CancellationToken);
}
