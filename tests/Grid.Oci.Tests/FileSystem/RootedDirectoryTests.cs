using System.Text;
using Grid.Oci.FileSystem;

namespace Grid.Oci.Tests.FileSystem;

public sealed class RootedDirectoryTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly RootedDirectory _tree;

    public RootedDirectoryTests()
    {
        _tree = new RootedDirectory(_scratch.Sub("root"));
        _scratch.Run("echo secret > secret; mkdir -p root/etc root/usr/lib; echo inside > root/etc/passwd; echo lib > root/usr/lib/x; ln -s usr/lib root/lib");
    }

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("../secret")]
    [InlineData("/../../secret")]
    [InlineData("etc/../../secret")]
    [InlineData("relative-link")]
    [InlineData("absolute-link")]
    [InlineData("up/secret")]
    [InlineData("up/../secret")]
    public void OpenRead_WhateverLeadsOut_FindsNothing(string path)
    {
        _scratch.Run("ln -s ../secret root/relative-link; ln -s $PWD/secret root/absolute-link; ln -s ../../../../../.. root/up");
        Should.Throw<FileNotFoundException>(() => _tree.OpenRead(path));
        _tree.Stat(path).ShouldBeNull();
    }

    [Theory]
    [InlineData("etc/passwd")]
    [InlineData("usr")]
    [InlineData("dangling")]
    [InlineData("missing/f")]
    [InlineData("etc/passwd/f")]
    public void TryCreateNewFile_WhereSomethingIsOrTheParentIsNot_GivesNull(string path)
    {
        _scratch.Run("ln -s nowhere root/dangling");
        _tree.TryCreateNewFile(path, 0x1A4).ShouldBeNull();
        _scratch.Run("cat root/etc/passwd; ls root").ShouldBe("inside\ndangling\netc\nlib\nusr\n");
    }

    [Fact]
    public void TryCreateNewFile_ThroughALinkOnTheWay_StaysInside()
    {
        _scratch.Run("ln -s ../.. root/up");
        using (var file = _tree.TryCreateNewFile("up/f", 0x9A4))
            file.ShouldNotBeNull().Write("x"u8);
        _scratch.Run("stat -c '%a %s' root/f").ShouldBe("4644 1\n");
    }

    [Fact]
    public void Hold_IsTheSameTree()
    {
        using var held = _tree.Hold();
        held.Files.WriteFile("/etc/new", "1"u8, 0x1A4);
        held.Files.List("/etc").ShouldBe(_tree.List("/etc"));
        held.Files.Stat("/lib/x").ShouldBe(_tree.Stat("/usr/lib/x"));
        Should.Throw<FileNotFoundException>(() => held.Files.OpenRead("../secret"));
    }

    [Fact]
    public void ListWithXattrs_IsListWithTheAttributesOfEach()
    {
        _tree.SetXattr("/etc/passwd", "user.x", "1"u8);
        _scratch.Run("ln -s passwd root/etc/link");
        var listed = _tree.ListWithXattrs("/etc");
        listed.Select(l => l.Entry).ShouldBe(_tree.List("/etc"));
        listed.Select(l => l.Xattrs?["user.x"]).ShouldBe([null, "1"u8.ToArray()]);
    }

    [Fact]
    public void OpenRead_AbsoluteLink_IsResolvedInside()
    {
        _scratch.Run("ln -s /etc/passwd root/l; ln -s /lib root/m");
        Text("/l").ShouldBe("inside\n");
        Text("m/x").ShouldBe("lib\n");
    }

    [Fact]
    public void OpenRead_MagicLinkOfProc_IsRefused()
    {
        var host = new RootedDirectory("/");
        Should.Throw<IOException>(() => host.OpenRead($"/proc/self/cwd/{Path.GetFileName(_scratch.Path)}"));
        Should.Throw<IOException>(() => host.OpenRead("/proc/self/exe")).Message.ShouldContain("/proc/self/exe");
    }

    [Fact]
    public void OpenRead_OnTheHostsRoot_WorksInPlace()
    {
        using var reader = new StreamReader(new RootedDirectory("/").OpenRead(_scratch.Path + "/secret"));
        reader.ReadToEnd().ShouldBe("secret\n");
    }

    [Fact]
    public void OpenRead_WhatIsNoFile_SaysSo()
    {
        _scratch.Run("mkfifo root/fifo");
        Should.Throw<IOException>(() => _tree.OpenRead("fifo")).Message.ShouldContain("Fifo");
        Should.Throw<IOException>(() => _tree.OpenRead("/etc")).Message.ShouldContain("Directory");
        Should.Throw<DirectoryNotFoundException>(() => _tree.OpenRead("/etc/passwd/x"));
        Should.Throw<FileNotFoundException>(() => _tree.OpenRead("/nope"));
    }

    [Fact]
    public void Stat_ALink_IsTheLinkOrItsTarget()
    {
        var link = _tree.Stat("/lib", followLinks: false)!;
        (link.Kind, link.LinkTarget, link.Name).ShouldBe((FileKind.SymbolicLink, "usr/lib", "lib"));
        _tree.Stat("/lib")!.Kind.ShouldBe(FileKind.Directory);
        _tree.Stat("/")!.Name.ShouldBe("/");
        _scratch.Run("ln -s nowhere root/dangling");
        _tree.Stat("/dangling").ShouldBeNull();
        _tree.Stat("/dangling", followLinks: false).ShouldNotBeNull();
    }

    [Fact]
    public void List_OddNames_SurviveInByteOrder()
    {
        _scratch.Run("mkdir root/odd; cd root/odd; touch $'caf\\351' $'new\\nline' é a.b; mkdir a; touch a/c '日本' $'\\360\\237\\230\\200'");
        _tree.List("/odd").Select(e => Convert.ToHexStringLower(BytePath.Encode(e.Name)))
            .ShouldBe(["61", "612e62", "636166e9", "6e65770a6c696e65", "c3a9", "e697a5e69cac", "f09f9880"]);
        foreach (var entry in _tree.List("/odd"))
            _tree.Stat("/odd/" + entry.Name).ShouldBe(entry);
        _tree.Walk("/odd").Select(e => e.Path).Take(3).ShouldBe(["/odd/a", "/odd/a/c", "/odd/a.b"]);
    }

    [Fact]
    public void List_ManyFiles_GivesAll()
    {
        _scratch.Run("mkdir root/many; cd root/many; touch file-with-a-longer-name-{1..3000}");
        _tree.List("/many").Count.ShouldBe(3000);
        Should.Throw<DirectoryNotFoundException>(() => _tree.List("/nope")).Message.ShouldContain("/nope");
        Should.Throw<DirectoryNotFoundException>(() => _tree.List("/etc/passwd"));
    }

    [Fact]
    public void WriteFile_SetsModeExactly_AndFollowsLinksInside()
    {
        _scratch.Run("ln -s /etc/new root/l");
        _tree.WriteFile("/l", "x"u8, 0x9FF);
        _tree.Stat("/etc/new")!.Mode.ShouldBe(0x9FF);
        _tree.WriteFile("/etc/new", "longer"u8, 0x180);
        _tree.WriteFile("/etc/new", "s"u8, 0x180);
        Text("/etc/new").ShouldBe("s");
        Should.Throw<DirectoryNotFoundException>(() => _tree.WriteFile("/no/such", "x"u8, 0x180));
    }

    [Fact]
    public void CreateDirectory_MakesParents_ThroughLinksInside()
    {
        _tree.CreateDirectory("/lib/a/b", 0x1F8);
        _tree.Stat("/usr/lib/a/b")!.Mode.ShouldBe(0x1F8);
        _tree.CreateDirectory("/usr", 0x1C0);
        _tree.Stat("/usr")!.Mode.ShouldNotBe(0x1C0);
        Should.Throw<IOException>(() => _tree.CreateDirectory("/etc/passwd", 0x1ED)).Message.ShouldContain("Regular");
        _scratch.Run("ln -s nowhere root/dangling");
        Should.Throw<IOException>(() => _tree.CreateDirectory("/dangling/x", 0x1ED)).Message.ShouldContain("link to nowhere");
    }

    [Fact]
    public void Delete_NeverFollowsLinks()
    {
        _scratch.Run("mkdir outside; touch outside/f; mkdir -p root/d/e; ln -s $PWD/outside root/d/e/l; ln -s /etc root/d/inside; ln -s d root/toplink");
        _tree.Delete("/toplink");
        _tree.Stat("/d").ShouldNotBeNull();
        _tree.Delete("/d/");
        _tree.Stat("/d").ShouldBeNull();
        _tree.Stat("/etc/passwd").ShouldNotBeNull();
        File.Exists(_scratch.Path + "/outside/f").ShouldBeTrue();
        _tree.Delete("/not/there");
        Should.Throw<IOException>(() => _tree.Delete("/"));
        Should.Throw<IOException>(() => _tree.Delete("/etc/.."));
    }

    [Fact]
    public void Delete_NestingDeeperThanAnyPath_Works()
    {
        _scratch.Run("cd root; python3 -c \"import os\nfor i in range(3000): os.mkdir('nested-deeply'); os.mkdir('x'); os.chdir('nested-deeply')\"");
        _tree.Delete("/nested-deeply");
        _tree.Stat("/nested-deeply").ShouldBeNull();
    }

    [Fact]
    public void Rename_ReplacesAFile()
    {
        _tree.Rename("/etc/passwd", "/usr/lib/x");
        Text("/lib/x").ShouldBe("inside\n");
        Should.Throw<FileNotFoundException>(() => _tree.Rename("/etc/passwd", "/y"));
    }

    [Fact]
    public void ChangeOwner_Recursive_ChangesLinksThemselves()
    {
        ScratchDirectory.NeedsRoot();
        _scratch.Run("mkdir -p root/o/p; touch secret2 root/o/p/f; ln -s $PWD/secret2 root/o/l; ln -s /etc root/o/e");
        _tree.ChangeOwner("/o", new Owner(1001, 1002), recursive: true);
        _scratch.Run("find root/o -printf '%U:%G\\n' | sort -u").ShouldBe("1001:1002\n");
        _scratch.Run("stat -c %u secret2 root/etc root/etc/passwd | sort -u").ShouldBe("0\n");
    }

    [Fact]
    public void NodesLinksAndAttributes_AreMadeAndRead()
    {
        ScratchDirectory.NeedsRoot();
        _tree.CreateNode("/whiteout", FileKind.CharacterDevice, 0);
        _tree.CreateNode("/disk", FileKind.BlockDevice, 0x1B0, (259, 70000), new Owner(1, 2));
        _tree.CreateSymbolicLink("/l", "anywhere", new Owner(5, 6));
        _tree.CreateHardLink("/hard", "/etc/passwd");
        _tree.SetXattr("/etc/passwd", "user.a", [1, 2, 3]);
        _tree.SetXattr("/l", "trusted.b", []);
        _tree.SetModifiedTime("/l", DateTimeOffset.FromUnixTimeSeconds(-5));
        _tree.SetMode("/hard", 0x9ED);

        _tree.Stat("/whiteout")!.Device.ShouldBe((0u, 0u));
        _tree.Stat("/disk").ShouldNotBeNull().ShouldSatisfyAllConditions(
            e => e.Kind.ShouldBe(FileKind.BlockDevice), e => e.Device.ShouldBe((259u, 70000u)), e => e.Mode.ShouldBe(0x1B0), e => e.Owner.ShouldBe(new Owner(1, 2)));
        _tree.GetXattrs("/hard").ShouldNotBeNull()["user.a"].ShouldBe([1, 2, 3]);
        _tree.GetXattrs("/l").ShouldNotBeNull().Keys.ShouldBe(["trusted.b"]);
        _tree.GetXattrs("/whiteout").ShouldBeNull();
        _tree.Stat("/l", followLinks: false)!.ModifiedTime.ToUnixTimeSeconds().ShouldBe(-5);
        var file = _tree.Stat("/etc/passwd")!;
        (file.LinkCount, file.Inode, file.Mode).ShouldBe((2u, _tree.Stat("/hard")!.Inode, 0x9ED));
        Should.Throw<IOException>(() => _tree.SetMode("/l", 0x1FF)).Message.ShouldContain("symbolic link");
    }

    [Fact]
    public async Task Stat_WhileSomebodySwapsADirectoryForALink_NeverSeesTheOutside()
    {
        _scratch.Run("mkdir out; touch out/only-outside; mkdir root/a root/b; ln -s $PWD/out root/b/link; mkdir root/b/dir");
        using var stop = new CancellationTokenSource();
        var swapper = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _tree.Rename("/b/dir", "/a/target");
                _tree.Rename("/a/target", "/b/dir");
                _tree.Rename("/b/link", "/a/target");
                _tree.Rename("/a/target", "/b/link");
            }
        });
        for (var i = 0; i < 3000; i++)
            _tree.Stat("/a/target/only-outside").ShouldBeNull();
        await stop.CancelAsync();
        await swapper;
    }

    [Fact]
    public void Name_WithAZeroByte_IsRefused() => Should.Throw<ArgumentException>(() => _tree.Stat("/etc/passwd\0.txt"));

    private string Text(string path)
    {
        using var reader = new StreamReader(_tree.OpenRead(path), Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
