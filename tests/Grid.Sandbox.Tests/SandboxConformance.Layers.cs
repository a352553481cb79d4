using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

/// <summary>What every <see cref="ISandboxRuntime"/> must do. An adapter's test class derives from this and makes the runtime.</summary>
public abstract partial class SandboxConformance : SandboxTests
{
    [Fact]
    public async Task CommitAsync_NothingWritten_IsNull() => (await StepAsync("true")).ShouldBeNull();

    [Fact]
    public async Task CommitAsync_OnlyAReadAndATemporaryFile_IsNull() =>
        (await StepAsync("cat /etc/passwd >/dev/null; touch /etc/x /run/y; rm /etc/x /run/y; cat /etc/resolv.conf /etc/hosts")).ShouldBeNull();

    [Fact]
    public async Task CommitAsync_NewFiles_HasThemWithTheirParentsAndNoMountPoints()
    {
        var layer = await StepAsync("mkdir -p /opt/a/b; echo hello > /opt/a/b/f; chmod 4755 /opt/a/b/f; ln -s ../f /opt/a/l; ln -s /etc/passwd /etc/p");
        var entries = Entries(layer);
        entries.Select(e => e.Path).ShouldBe(["etc", "etc/p", "opt", "opt/a", "opt/a/b", "opt/a/b/f", "opt/a/l"]);
        var file = entries.Single(e => e.Path == "opt/a/b/f");
        (file.Mode, file.Size, file.ModifiedTime).ShouldBe((0x9ED, 6, LayerTimes.Normalized));
        entries.Single(e => e.Path == "opt/a/l").LinkTarget.ShouldBe("../f");
        entries.ShouldAllBe(e => e.ModifiedTime == LayerTimes.Normalized);
    }

    [Fact]
    public async Task CommitAsync_DeletedAndReplaced_HasWhiteoutsAndOpaqueDirectories()
    {
        var first = await StepAsync("mkdir -p /data/gone /data/again/sub /data/tofile; echo 1 > /data/f; echo 1 > /data/again/old; echo 1 > /data/tolink");
        var second = await StepAsync(
            "rm -rf /data/gone /data/f; rm -rf /data/again; mkdir /data/again; echo 2 > /data/again/new; rmdir /data/tofile; echo x > /data/tofile; rm /data/tolink; ln -s f /data/tolink",
            first!);
        Paths(second).ShouldBe(["data", "data/.wh.f", "data/.wh.gone", "data/again", "data/again/.wh..wh..opq", "data/again/new", "data/tofile", "data/tolink"]);
        await using var after = await CreateAsync(first!, second!);
        (await ShellAsync(after, "cd /data; ls -1 . again; cat tofile")).Output.ShouldBe(".:\nagain\ntofile\ntolink\n\nagain:\nnew\nx\n");
    }

    [Fact]
    public async Task CommitAsync_HardLinksInTheLayer_AreKeptAsLinks()
    {
        var entries = Entries(await StepAsync("echo 1 > /data/a; ln /data/a /data/b; ln /data/a /data/c"));
        entries.Where(e => e.Type == LayerEntryType.HardLink).Select(e => (e.Path, e.LinkTarget)).ShouldBe([("data/b", "data/a"), ("data/c", "data/a")]);
    }

    [Fact]
    public virtual async Task CommitAsync_SpecialFilesAndOddNames_AreKept()
    {
        var layer = await StepAsync(
            "cd /data; mkfifo -m 600 fifo; mknod null c 1 3; printf x > \"$(printf 'caf\\351')\"; printf y > \"$(printf 'a\\nb')\"; perl -e 'use strict; socket(my $s, 1, 1, 0); bind($s, pack(\"S a108\", 1, \"/data/sock\")) or die $!'; ls -la >&2");
        var entries = Entries(layer);
        entries.Select(e => (e.Path, e.Type)).ShouldBe(
        [
            ("data", LayerEntryType.Directory), ("data/a\nb", LayerEntryType.File), ("data/caf\uDCE9", LayerEntryType.File),
            ("data/fifo", LayerEntryType.Fifo), ("data/null", LayerEntryType.CharacterDevice),
        ]);
        entries[^1].Device.ShouldBe((1u, 3u));
    }

    [Fact]
    public async Task CommitAsync_FileCapabilitiesAndUserAttributes_AreKept()
    {
        // setxattr(2) by its number, so that no tool for it is needed in the image.
        var number = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? 5 : 188;
        var layer = await StepAsync($"""
            echo x > /data/f
            perl -e 'my ($f, $n, $v) = ("/data/f", "security.capability", pack("V5", 0x02000001, 0x400, 0, 0, 0)); syscall({number}, $f, $n, $v, 20, 0) == 0 or die "cap $!"'
            perl -e 'my ($f, $n, $v) = ("/data/f", "user.note", "v"); syscall({number}, $f, $n, $v, 1, 0) == 0 or die "user $!"'
            """);
        var file = Entries(layer).Single(e => e.Path == "data/f");
        file.Xattrs.ShouldNotBeNull().Keys.Order().ShouldBe(["security.capability", "user.note"]);
        await using var next = await CreateAsync(layer!);
        (await ShellAsync(next, "echo more >> /data/new")).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task CommitAsync_NameThatMeansDeletion_IsRefusedWithAMessage()
    {
        await using var sandbox = await CreateAsync();
        await ShellAsync(sandbox, "touch /data/.wh.passwd");
        (await Should.ThrowAsync<SandboxException>(() => sandbox.CommitAsync(Stop))).Message.ShouldContain("/data/.wh.passwd");
    }

    [Fact]
    [Decision(19)]
    public async Task CommitAsync_SameCommandTwice_GivesTheSameLayer()
    {
        const string Script = "mkdir -p /opt/x; for i in 3 1 2; do echo $i > /opt/x/$i; done; ln /opt/x/1 /opt/x/0; rm /bin/false; chown 1000:1000 /opt/x/2";
        var first = await StepAsync(Script);
        var second = await StepAsync(Script);
        second.ShouldNotBeNull().DiffId.ShouldBe(first.ShouldNotBeNull().DiffId);
        second.Blob.ShouldBe(first.Blob);
    }

    [Fact]
    public async Task CommitAsync_ParentCommittedHereOrUnpackedElsewhere_GivesTheSameNextLayer()
    {
        const string First = "mkdir -p /opt/d /opt/e; touch /opt/d/a /opt/e/b; rm -rf /home; mkdir /home; chmod 700 /data; chown 5:6 /data; rm /bin/false; touch /etc/q; rm /etc/q";
        const string Next = "ls -lnR --full-time /bin /data /etc /home /opt /tmp /usr > /all; rm /opt/d/a; echo 1 >> /opt/e/b; touch /home/n; rmdir /opt/d";
        var parent = await StepAsync(First);
        var here = await StepAsync(Next, parent!);
        var other = CreateRuntimeAt(Path.Combine(Directory, "other"));
        using var end = other as IDisposable;
        await using var sandbox = await other.CreateAsync(Spec(parent!), Stop);
        (await ShellAsync(sandbox, Next)).ExitCode.ShouldBe(0);
        var there = await sandbox.CommitAsync(Stop);
        Entries(there).Select(e => e.ToString()).ShouldBe(Entries(here).Select(e => e.ToString()));
        there!.DiffId.ShouldBe(here!.DiffId);
    }

    [Fact]
    [Spec("image_extension/run.volumes")]
    [Decision(31)]
    public async Task CommitAsync_ExcludedPathsAndVolumes_AreNotInTheLayerNorInItsParent()
    {
        var volume = Path.Combine(Directory, "volume");
        System.IO.Directory.CreateDirectory(volume);
        var spec = Spec() with { Volumes = [new Volume(volume, "/workspace/app")], ExcludedPaths = ["/var/run", "/etc/mtab"] };
        Layer? layer;
        await using (var sandbox = await Runtime.CreateAsync(spec, Stop))
        {
            (await ShellAsync(sandbox, "echo 1 > /workspace/app/f; mkdir -p /var/run/x; echo 1 > /etc/mtab; echo 1 > /data/kept")).ExitCode.ShouldBe(0);
            layer = await sandbox.CommitAsync(Stop);
        }
        Paths(layer).ShouldBe(["data", "data/kept"]);
        File.ReadAllText(Path.Combine(volume, "f")).ShouldBe("1\n");
        await using var next = await CreateAsync(layer!);
        (await ShellAsync(next, "ls -d /var/run /etc/mtab /workspace 2>/dev/null")).Output.ShouldBe("");
    }

    [Fact]
    public async Task CommitAsync_LayerBecomesAParentWithoutItsBlob()
    {
        var layer = await StepAsync("echo 1 > /data/f");
        Store.Delete(layer!.Blob.Digest);
        await using var next = await CreateAsync(layer);
        (await ShellAsync(next, "cat /data/f")).Output.ShouldBe("1\n");
    }

    [Fact]
    public virtual async Task CreateAsync_TwoHundredLayers_Works()
    {
        var layers = Enumerable.Range(0, 200).Select(i => BaseImage.Of(Store, (new LayerEntry($"n{i}", LayerEntryType.File), $"{i}"))).ToArray();
        await using var sandbox = await CreateAsync(layers);
        (await ShellAsync(sandbox, "cat /n0 /n100 /n199")).Output.ShouldBe("0100199");
    }

    [Fact]
    public async Task CreateAsync_NoLayers_GivesAnEmptyRootThatCanBeCommitted()
    {
        await using var sandbox = await Runtime.CreateAsync(new SandboxSpec("scratch", [], Store), Stop);
        sandbox.Files.WriteFile("/hello", "x"u8, 0x1A4, new Owner(0, 0));
        Paths(await sandbox.CommitAsync(Stop)).ShouldBe(["hello"]);
    }

    [Fact]
    public async Task CreateAsync_FilesOnly_GivesALayerOfThemAloneThatGoesOnAnyImage()
    {
        var spec = new SandboxSpec("files", [], Store) { FilesOnly = true, ExcludedPaths = ["/workspace"] };
        Layer? layer;
        await using (var sandbox = await Runtime.CreateAsync(spec, Stop))
        {
            sandbox.Files.List("/").ShouldBeEmpty();
            sandbox.Files.CreateDirectory("/etc", 0x1C8, new Owner(5, 6));
            sandbox.Files.CreateDirectory("/bin/deep", 0x1ED, new Owner(0, 0));
            foreach (var path in new[] { "/etc/hosts", "/etc/made", "/bin/deep/f", "/usr" })
                sandbox.Files.WriteFile(path, "x"u8, 0x1A4, new Owner(0, 0));
            sandbox.Files.CreateDirectory("/workspace/app", 0x1ED);
            await Should.ThrowAsync<NotSupportedException>(() => ShellAsync(sandbox, "true"));
            await Should.ThrowAsync<InvalidOperationException>(() => Runtime.CreateAsync(spec, Stop));
            layer = await sandbox.CommitAsync(Stop);
        }
        var entries = Entries(layer);
        entries.Select(e => e.Path).ShouldBe(["bin", "bin/deep", "bin/deep/f", "etc", "etc/made", "usr"]);
        (entries[3].Mode, entries[3].Owner).ShouldBe((0x1C8, new Owner(5, 6)));
        // Nothing at all makes no layer, and the handle is free again.
        await using (var sandbox = await Runtime.CreateAsync(spec, Stop))
            (await sandbox.CommitAsync(Stop)).ShouldBeNull();
        await Should.ThrowAsync<ArgumentException>(() => Runtime.CreateAsync(Spec() with { FilesOnly = true }, Stop));
    }

    [Fact]
    public async Task CreateAsync_BrokenLayer_ThrowsAndLeavesNothing()
    {
        var good = BaseImage.Of(Store, (new LayerEntry("f", LayerEntryType.File), "x"));
        var lying = good with { DiffId = Grid.Oci.Digest.Compute("other"u8) };
        var runtime = Runtime;
        await Should.ThrowAsync<Exception>(() => runtime.CreateAsync(Spec(lying), Stop));
        await using var sandbox = await CreateAsync(good);
        sandbox.Files.Stat("/f").ShouldNotBeNull();
    }
}
