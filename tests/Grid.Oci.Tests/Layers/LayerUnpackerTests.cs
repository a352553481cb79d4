using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Tests.FileSystem;
using static Grid.Oci.Tests.Layers.LayerTestData;

namespace Grid.Oci.Tests.Layers;

public sealed class LayerUnpackerTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly ContentStore _store;

    public LayerUnpackerTests()
    {
        ScratchDirectory.NeedsRoot();
        _store = new ContentStore(_scratch.Sub("store"));
    }

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Unpack_AllKinds_GivesWhatGnuTarExtracts()
    {
        byte[] capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        var at = new DateTimeOffset(2001, 2, 3, 4, 5, 6, TimeSpan.Zero);
        var layer = Write(
            _store,
            (Dir("d/", 0x3ED) with { Owner = new(7, 8), ModifiedTime = at, Xattrs = Xattr("user.a", [1, 2]) }, []),
            (File("d/suid", 0x9ED) with { Owner = new(1001, 1002), ModifiedTime = at }, [1, 2, 3]),
            (File("d/cap") with { Owner = new(5, 5), Xattrs = Xattr("security.capability", capability) }, [9]),
            (File("d/trusted") with { Xattrs = Xattr("trusted.x", [0, 1]) }, []),
            (File("d/new\nline"), [1]),
            (File("d/" + BytePath.Decode([0x63, 0xE9])), [2]),
            (File("d/" + new string('n', 200) + "/" + new string('m', 200)), [3]),
            (Link("d/l", "../nowhere") with { Owner = new(3, 4), ModifiedTime = at }, []),
            (Hard("d/hard", "d/suid"), []),
            (new LayerEntry("d/fifo", LayerEntryType.Fifo) { Mode = 0x1B6 }, []),
            (new LayerEntry("d/dev", LayerEntryType.CharacterDevice) { Mode = 0x1B6, Device = (1, 3) }, []),
            (new LayerEntry("d/blk", LayerEntryType.BlockDevice) { Mode = 0x180, Device = (7, 300) }, []));
        var target = _scratch.Sub("ours");
        await UnpackAsync(layer, target);
        await System.IO.File.WriteAllBytesAsync(Path.Combine(_scratch.Path, "l.tar"), Tar(_store, layer));
        _scratch.Run("mkdir gnu && tar --xattrs --xattrs-include='*' --numeric-owner -p -xf l.tar -C gnu");

        var list = "find . -mindepth 1 -printf '%P %y %m %U:%G %s %n %l %T@\\n' | grep -v '^n* ' | sort";
        // A directory the tar does not mention gets our fixed time, theirs the present.
        const string NoImplied = " | grep -v '^d/n*n d '";
        _scratch.Run($"cd ours && {list}{NoImplied}").ShouldBe(_scratch.Run($"cd gnu && {list}{NoImplied}"));
        const string Attributes = "getfattr -R -h -d -m - . | sort; stat -c '%n %t:%T' d/dev d/blk";
        _scratch.Run($"cd ours && {Attributes}").ShouldBe(_scratch.Run($"cd gnu && {Attributes}"));
        _scratch.Run("diff -r --no-dereference ours gnu 2>&1 | grep -v 'is a \\(character\\|block\\|fifo\\)' || true").ShouldBe("");
    }

    [Fact]
    public async Task Unpack_Whiteouts_BecomeThoseOfOverlayfs()
    {
        var target = _scratch.Path + "/upper";
        await UnpackAsync(
            Write(_store, Dir("a"), File("a/.wh.gone"), Dir("b"), File("b/.wh..wh..opq"), File("b/new"), File(".wh..wh.plnk"), File(".wh.c"), Dir("c"), Dir("e"), File(".wh.e")),
            target);

        var tree = new RootedDirectory(target);
        tree.Stat("/a/gone").ShouldNotBeNull().ShouldSatisfyAllConditions(e => e.Kind.ShouldBe(FileKind.CharacterDevice), e => e.Device.ShouldBe((0u, 0u)));
        Opaque(tree, "/b").ShouldBeTrue();
        // A whiteout only hides what is below: a directory of the same layer, before or after it, stays and is not merged.
        Opaque(tree, "/c").ShouldBeTrue();
        Opaque(tree, "/e").ShouldBeTrue();
        Opaque(tree, "/a").ShouldBeFalse();
        tree.List("/").Select(e => e.Name).ShouldBe(["a", "b", "c", "e"]);
    }

    [Fact]
    public async Task Unpack_OpaqueRoot_HidesEverythingBelow()
    {
        var lower = _scratch.Sub("lower");
        _scratch.Run("mkdir lower/d lower/kept && touch lower/f");
        var target = _scratch.Path + "/upper";
        await UnpackAsync(Write(_store, File(".wh..wh..opq"), Dir("kept"), File("new")), target, lower);

        var tree = new RootedDirectory(target);
        tree.List("/").Where(e => e.Kind == FileKind.CharacterDevice).Select(e => e.Name).ShouldBe(["d", "f"]);
        Opaque(tree, "/kept").ShouldBeTrue();
    }

    [Fact]
    public async Task Unpack_MountedOverItsLower_ShowsTheMergedTree()
    {
        var lower = _scratch.Sub("lower");
        _scratch.Run("mkdir -p lower/usr/lib lower/etc/old lower/etc/kept && ln -s usr/lib lower/lib && touch lower/etc/old/x lower/etc/gone lower/usr/lib/a && chmod 2750 lower/usr/lib && chown 3:4 lower/usr/lib");
        var target = _scratch.Path + "/upper";
        await UnpackAsync(
            Write(_store, (File("lib/b"), [1]), (File("etc/.wh.gone"), []), (Dir("etc/old"), []), (File("etc/old/.wh..wh..opq"), []), (File("etc/old/y"), [])),
            target, lower);

        // The layer names lib/b; /lib is a link below. A directory "lib" in the layer would hide it.
        _scratch.Run("cd upper && find . -mindepth 1 | sort").ShouldBe("./etc\n./etc/gone\n./etc/old\n./etc/old/y\n./usr\n./usr/lib\n./usr/lib/b\n");
        _scratch.Run("mkdir m; mount -t overlay overlay -o lowerdir=upper:lower m; cd m; find . -mindepth 1 -printf '%P %y %l\\n' | sort; stat -c '%a %u:%g' usr/lib; cd ..; umount m")
            .ShouldBe("etc d \netc/kept d \netc/old d \netc/old/y f \nlib l usr/lib\nusr d \nusr/lib d \nusr/lib/a f \nusr/lib/b f \n2750 3:4\n");
    }

    [Fact]
    public async Task Unpack_HardLinkToALowerFile_CopiesIt()
    {
        var top = _scratch.Sub("top");
        var bottom = _scratch.Sub("bottom");
        _scratch.Run("mkdir top/d bottom/d; echo hello > bottom/d/f; chown 9:9 bottom/d/f; chmod 4711 bottom/d/f; setfattr -n user.k -v v bottom/d/f; echo no > bottom/d/g; mknod top/d/g c 0 0");
        await UnpackAsync(Write(_store, Hard("copy", "d/f")), _scratch.Path + "/upper", top, bottom);
        _scratch.Run("cd upper; cat copy; stat -c '%a %u:%g %h' copy; getfattr --only-values -n user.k copy").ShouldBe("hello\n4711 9:9 1\nv");

        (await Should.ThrowAsync<InvalidDataException>(() => UnpackAsync(Write(_store, Hard("copy", "d/g")), _scratch.Path + "/upper2", top, bottom)))
            .Message.ShouldContain("neither before it in the layer nor in a layer below");
        Directory.Exists(_scratch.Path + "/upper2").ShouldBeFalse();
    }

    [Fact]
    public async Task Unpack_WrongDiffId_ThrowsAndRemovesTheTarget()
    {
        var layer = Write(_store, (Dir("d"), []), (File("d/f"), [1, 2, 3]));
        var target = _scratch.Path + "/t";
        (await Should.ThrowAsync<InvalidDataException>(() => UnpackAsync(layer with { DiffId = Digest.Compute([]) }, target))).Message.ShouldContain(layer.DiffId.ToString());
        Directory.Exists(target).ShouldBeFalse();
    }

    [Fact]
    public async Task Unpack_DamagedGzip_ThrowsAndRemovesTheTarget()
    {
        var content = new byte[100_000];
        new Random(3).NextBytes(content);
        var layer = Write(_store, (File("f"), content));
        var path = _store.PathOf(layer.Blob.Digest);
        var bytes = await System.IO.File.ReadAllBytesAsync(path);
        await System.IO.File.WriteAllBytesAsync(path, bytes[..50_000]);
        var target = _scratch.Path + "/t";
        await Should.ThrowAsync<InvalidDataException>(() => UnpackAsync(layer with { Blob = layer.Blob with { Size = 50_000 } }, target));
        Directory.Exists(target).ShouldBeFalse();
    }

    [Fact]
    public async Task Unpack_OnAFullDisk_NamesIt()
    {
        _scratch.Run("mkdir small && mount -t tmpfs -o size=64k tmpfs small");
        try
        {
            var layer = Write(_store, (File("f"), new byte[200_000]));
            (await Should.ThrowAsync<IOException>(() => UnpackAsync(layer, _scratch.Path + "/small/t"))).Message.ShouldContain("small/t' is full");
            Directory.Exists(_scratch.Path + "/small/t").ShouldBeFalse();
        }
        finally
        {
            _scratch.Run("umount small");
        }
    }

    [Fact]
    public async Task Unpack_LaterEntries_ReplaceEarlierOnes()
    {
        var target = _scratch.Path + "/t";
        await UnpackAsync(
            Write(_store,
                (Link("a", "/etc"), []), (File("a"), [1]),
                (Dir("b"), []), (File("b/x"), []), (File("b"), [2]),
                (File("c"), []), (Dir("c"), []), (File("c/y"), [3]),
                (Link("d", "c"), []), (Dir("d"), []), (File("d/z"), [4])),
            target);
        _scratch.Run("cd t && find . -mindepth 1 -printf '%P %y\\n' | sort").ShouldBe("a f\nb f\nc d\nc/y f\nd d\nd/z f\n");
    }

    private Task UnpackAsync(Layer layer, string target, params string[] lowers) =>
        LayerUnpacker.UnpackAsync(_store, layer, target, lowers, new LayerLimits(), TestContext.Current.CancellationToken);

    private static Dictionary<string, byte[]> Xattr(string name, byte[] value) => new() { [name] = value };

    private static bool Opaque(RootedDirectory tree, string path) => tree.GetXattrs(path)?.ContainsKey("trusted.overlay.opaque") ?? false;
}
