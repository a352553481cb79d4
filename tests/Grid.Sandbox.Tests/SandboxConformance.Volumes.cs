using Grid.Oci.FileSystem;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

public abstract partial class SandboxConformance
{
    [Fact]
    [Spec("image_extension/generate.app")]
    [Decision(31)]
    public async Task Volumes_ReadOnlyAndWritable_AreAsAsked()
    {
        var (fixedPath, open) = (Host("fixed", ("f", "fixed")), Host("open"));
        await using var sandbox = await Runtime.CreateAsync(Spec() with { Volumes = [new Volume(fixedPath, "/in/fixed", ReadOnly: true), new Volume(open, "/in/open")] }, Stop);
        (await ShellAsync(sandbox, "cat /in/fixed/f; echo w > /in/open/w; echo x > /in/fixed/x")).ExitCode.ShouldNotBe(0);
        File.ReadAllText(Path.Combine(open, "w")).ShouldBe("w\n");
        File.Exists(Path.Combine(fixedPath, "x")).ShouldBeFalse();
        using var reader = new StreamReader(sandbox.Files.OpenRead("/in/open/w"));
        reader.ReadToEnd().ShouldBe("w\n");
    }

    [Fact]
    public async Task Volumes_InsideEachOther_AreBothThere()
    {
        var (outer, inner) = (Host("outer", ("o", "o")), Host("inner", ("i", "i")));
        await using var sandbox = await Runtime.CreateAsync(Spec() with { Volumes = [new Volume(inner, "/layers/deep/inner"), new Volume(outer, "/layers")] }, Stop);
        (await ShellAsync(sandbox, "cat /layers/o /layers/deep/inner/i")).Output.ShouldBe("oi");
    }

    [Theory]
    [InlineData("/etc")]
    [InlineData("../../../../../../etc")]
    [InlineData("/proc/1/root/etc")]
    public async Task Volumes_TargetIsALinkOutOfTheImage_MountsInsideAndTouchesNothingElse(string target)
    {
        var hostile = BaseImage.Of(Store, (new LayerEntry("workspace", LayerEntryType.SymbolicLink) { LinkTarget = target, Mode = 0x1FF }, null));
        var volume = Host("volume", ("marker", "m"));
        // Its own name: others make users, and so files of /etc, at the same time.
        var app = $"app-{Guid.NewGuid():N}";
        await using var sandbox = await Runtime.CreateAsync(Spec(hostile) with { Volumes = [new Volume(volume, "/workspace/" + app)] }, Stop);
        File.ReadAllText("/proc/self/mountinfo").ShouldNotContain(" /etc/" + app);
        (await ShellAsync(sandbox, "echo 1 > /data/x")).ExitCode.ShouldBe(0);
        Path.Exists("/etc/" + app).ShouldBeFalse();
        Paths(await sandbox.CommitAsync(Stop)).ShouldBe(["data", "data/x"]);
    }

    /// <summary>Processes in the race below.</summary>
    private const int Races = 60;

    /// <summary>
    /// Two sandboxes share a directory (RUN --mount=type=cache), and one of them swaps a directory in it with a link out of the image all the time, while the other's mounts are made below it
    /// (CVE-2024-11218 of buildah, CVE-2024-23651 of BuildKit). Whatever a process finds, nothing but the shared directory and its own root is written or mounted to.
    /// </summary>
    [Theory]
    [InlineData("/")]
    [InlineData("../../../../../../../../../../")]
    public virtual async Task ExtraVolumes_DirectoryInASharedOneIsSwappedMeanwhile_NothingElseIsTouched(string way)
    {
        var (shared, marker, inner) = (Host("shared"), Host("marker", ("m", "host")), Host("inner", ("i", "inner")));
        var link = way + marker.TrimStart('/');
        // A directory that somebody is making things in meanwhile is left where it was put, and a new one takes its place.
        var swap = $"mkdir '/c/d'; print qq(ready\n); my $n = 0; until (-e '/c/stop') {{ $n++; rename '/c/d', qq(/c/x$n); symlink '{link}', '/c/d'; unlink '/c/d'; rename(qq(/c/x$n), '/c/d') or mkdir '/c/d' }}";
        await using var swapping = await CreateAsync();
        await using var mounting = await CreateAsync();
        var output = new Capture();
        var swapper = swapping.RunAsync(new ProcessSpec(["/usr/bin/perl", "-e", "$| = 1; " + swap], [], "/", new ProcessUser(0, 0)) { Output = output, ExtraVolumes = [new Volume(shared, "/c")] }, Stop);
        await Task.WhenAny(output.FirstOutput, swapper);
        var (ran, refused) = (0, 0);
        for (var race = 0; race < Races; race++)
        {
            try
            {
                await ShellAsync(mounting, "echo in >/c/d/e/in; echo in >/c/d/v/in; true", spec => spec with
                {
                    ExtraVolumes = [new Volume(shared, "/c"), new Volume(inner, "/c/d/v", ReadOnly: true)], TemporaryFileSystems = [new TemporaryFileSystem("/c/d/e")],
                });
                ran++;
            }
            catch (Exception lost) when (lost is SandboxException or IOException)
            {
                // It lost the race: the place was gone when something was to be mounted there.
                refused++;
            }
        }
        File.WriteAllText(Path.Combine(shared, "stop"), "");
        (await swapper).ExitCode.ShouldBe(0, output.Text(true));
        (ran + refused).ShouldBe(Races);
        System.IO.Directory.GetFileSystemEntries(marker).ShouldBe([Path.Combine(marker, "m")], $"{ran} ran, {refused} were refused");
        File.ReadAllText(Path.Combine(marker, "m")).ShouldBe("host");
        System.IO.Directory.GetFileSystemEntries(inner).ShouldBe([Path.Combine(inner, "i")]);
        File.ReadAllText("/proc/self/mountinfo").ShouldNotContain(marker);
    }

    [Fact]
    public async Task Volumes_LinkLoop_IsRefusedWithAMessage()
    {
        var loop = BaseImage.Of(Store, (new LayerEntry("a", LayerEntryType.SymbolicLink) { LinkTarget = "b" }, null), (new LayerEntry("b", LayerEntryType.SymbolicLink) { LinkTarget = "a" }, null));
        var runtime = Runtime;
        var failure = await Should.ThrowAsync<SandboxException>(() => runtime.CreateAsync(Spec(loop) with { Volumes = [new Volume(Host("v"), "/a/x")] }, Stop));
        failure.Message.ShouldContain("links");
    }

    [Fact]
    public async Task CreateAsync_ImageReplacesOurMountPointsByLinks_NeverWritesElsewhere()
    {
        var hostile = BaseImage.Of(
            Store,
            (new LayerEntry("etc/hosts", LayerEntryType.SymbolicLink) { LinkTarget = "/data/deep/hosts" }, null),
            (new LayerEntry("etc/resolv.conf", LayerEntryType.SymbolicLink) { LinkTarget = "../run/systemd/resolve/stub-resolv.conf" }, null));
        await using var sandbox = await CreateAsync(hostile);
        (await ShellAsync(sandbox, "cat /etc/hosts | head -1; test -e /etc/resolv.conf && ls -l /etc/resolv.conf | tail -c 12")).Output.ShouldStartWith("127.0.0.1\tlocalhost");
        (await sandbox.CommitAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task ExtraVolumes_AreThereForOneProcessAloneAndLeaveNoTrace()
    {
        var directory = Host("extra", ("f", "extra"));
        var file = Path.Combine(directory, "f");
        await using var sandbox = await CreateAsync();
        var (_, output, _) = await ShellAsync(sandbox, "cat /mnt/cache/f /plan.toml; echo new > /mnt/cache/n; echo no > /plan.toml", p => p with
        {
            ExtraVolumes = [new Volume(directory, "/mnt/cache"), new Volume(file, "/plan.toml", ReadOnly: true)],
        });
        output.ShouldBe("extraextra");
        File.ReadAllText(Path.Combine(directory, "n")).ShouldBe("new\n");
        File.ReadAllText(file).ShouldBe("extra");
        (await ShellAsync(sandbox, "ls -A /mnt/cache; cat /plan.toml")).Output.ShouldBe("");
        (await sandbox.CommitAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task TemporaryFileSystems_AreEmptyBoundedAndLeaveNoTrace()
    {
        await using var sandbox = await CreateAsync();
        await ShellAsync(sandbox, "mkdir /data/t; echo below > /data/t/f");
        var (code, output, _) = await ShellAsync(sandbox, "ls -A /data/t /new/deep; echo x > /data/t/x; head -c 100000 /dev/zero > /new/deep/big && echo all", p => p with
        {
            TemporaryFileSystems = [new TemporaryFileSystem("/data/t"), new TemporaryFileSystem("/new/deep", SizeBytes: 65536)],
        });
        output.ShouldNotContain("below");
        output.ShouldNotContain("all");
        code.ShouldNotBe(0);
        (await ShellAsync(sandbox, "ls -A /data/t")).Output.ShouldBe("f\n");
        Paths(await sandbox.CommitAsync(Stop)).ShouldBe(["data", "data/t", "data/t/f"]);
    }

    [Fact]
    public async Task ExtraVolumes_InsideATemporaryFileSystem_AreBothThere()
    {
        await using var sandbox = await CreateAsync();
        var (_, output, _) = await ShellAsync(sandbox, "cat /t/in/f; ls -A /t", p => p with
        {
            TemporaryFileSystems = [new TemporaryFileSystem("/t")],
            ExtraVolumes = [new Volume(Host("inner", ("f", "inner")), "/t/in")],
        });
        output.ShouldBe("innerin\n");
        (await sandbox.CommitAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task ExtraVolumes_TargetBehindALinkMadeByAProcess_StaysInside()
    {
        await using var sandbox = await CreateAsync();
        (await ShellAsync(sandbox, "ln -s / /out; ln -s /proc/self/cwd/../../../../../.. /up")).ExitCode.ShouldBe(0);
        var (_, output, _) = await ShellAsync(sandbox, "ls /data/cache", p => p with { ExtraVolumes = [new Volume(Host("extra", ("f", "x")), "/out/data/cache")] });
        output.ShouldBe("f\n");
        Paths(await sandbox.CommitAsync(Stop)).ShouldBe(["out", "up"]);
    }

    [Fact]
    public async Task ExtraVolumes_HostPathMissing_IsRefusedWithAMessage()
    {
        await using var sandbox = await CreateAsync();
        (await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "true", p => p with { ExtraVolumes = [new Volume("/no/such/host/path", "/x")] })))
            .Message.ShouldContain("/no/such/host/path");
    }

    [Fact]
    public async Task Files_LinksOfTheTree_AreResolvedInside()
    {
        await using var sandbox = await CreateAsync();
        await ShellAsync(sandbox, "ln -s /etc/passwd /data/abs; ln -s ../../../../../etc/passwd /data/rel");
        foreach (var path in new[] { "/data/abs", "/data/rel" })
        {
            using var reader = new StreamReader(sandbox.Files.OpenRead(path));
            (await reader.ReadToEndAsync(Stop)).ShouldContain("cnb:x:1000");
        }
    }

    protected string Host(string name, params (string Name, string Content)[] files)
    {
        var path = Path.Combine(Directory, "host", name);
        System.IO.Directory.CreateDirectory(path);
        foreach (var (file, content) in files)
            File.WriteAllText(Path.Combine(path, file), content);
        return path;
    }
}
