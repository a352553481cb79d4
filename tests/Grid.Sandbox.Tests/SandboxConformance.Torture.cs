using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

public abstract partial class SandboxConformance
{
    [Fact]
    public async Task CommitAsync_OnlyModeOrOwnerChanged_HasTheEntriesAlone()
    {
        var first = await StepAsync("mkdir -p /data/d/e /data/s; echo 1 > /data/f; echo 1 > /data/g; echo 1 > /data/d/e/untouched");
        var second = Entries(await StepAsync("chmod 700 /data/d; chmod 4711 /data/f; chown 5:6 /data/g; chmod 3775 /data/s", first!));
        second.Select(e => (e.Path, Convert.ToString(e.Mode, 8), e.Owner.UserId, e.Owner.GroupId)).ShouldBe(
            [("data", "755", 0, 0), ("data/d", "700", 0, 0), ("data/f", "4711", 0, 0), ("data/g", "644", 5, 6), ("data/s", "3775", 0, 0)]);
    }

    [Fact]
    public async Task CommitAsync_OnlyTimesChanged_IsNullBecauseLayersHaveNone() =>
        (await StepAsync("touch -d 2001-01-01 /data /etc")).ShouldBeNull();

    [Fact]
    public async Task CommitAsync_HardLinkToAFileBelow_IsOneFileWithTwoNames()
    {
        var first = await StepAsync("echo 1 > /data/a; echo 1 > /data/other");
        var second = await StepAsync("ln /data/a /data/b", first!);
        await using var after = await CreateAsync(first!, second!);
        (await ShellAsync(after, "cat /data/a /data/b; [ /data/a -ef /data/b ] && echo same; cat /data/other")).Output.ShouldBe("1\n1\nsame\n1\n");
    }

    [Fact]
    public async Task CommitAsync_DirectoriesFilesAndLinksInTurn_EachReplacesTheLast()
    {
        string[] steps =
        [
            "mkdir -p /data/x/in; echo 1 > /data/x/in/f", "rm -rf /data/x; echo file > /data/x", "rm /data/x; ln -s /etc /data/x", "rm /data/x; mkdir /data/x; echo 2 > /data/x/g",
            "rm -rf /data/x; mkfifo /data/x", "rm /data/x; mkdir -p /data/x/in; echo 3 > /data/x/in/h",
        ];
        var layers = new List<Oci.Images.Layer>();
        foreach (var step in steps)
            layers.Add((await StepAsync(step, [.. layers])).ShouldNotBeNull());
        await using var after = await CreateAsync([.. layers]);
        (await ShellAsync(after, "cd /data; ls -R x; cat x/in/h; ls /etc/passwd")).Output.ShouldBe("x:\nin\n\nx/in:\nh\n3\n/etc/passwd\n");
    }

    [Fact]
    public async Task CommitAsync_RenamedDirectoryOfALayerBelow_IsWholeAtItsNewPlace()
    {
        var first = await StepAsync("mkdir -p /data/d/e; echo 1 > /data/d/e/f; chmod 640 /data/d/e/f; chown 7:8 /data/d/e");
        var second = await StepAsync("mv /data/d /data/moved; mv /data/moved/e/f /data/moved/e/g", first!);
        Paths(second).ShouldBe(["data", "data/.wh.d", "data/moved", "data/moved/e", "data/moved/e/g"]);
        var entries = Entries(second);
        (entries[^1].Mode, entries[^1].Size, entries[^2].Owner.UserId).ShouldBe((0x1A0, 2, 7));
    }

    [Fact]
    public async Task CommitAsync_LongNamesAndDeepPaths_AreKept()
    {
        var name = new string('n', 255);
        var layer = await StepAsync($"cd /data; for i in 1 2 3 4 5; do mkdir {name}; cd {name}; done; echo deep > {name}; ln -s {name}/{name} link");
        var path = "data/" + string.Join('/', Enumerable.Repeat(name, 6));
        var entries = Entries(layer);
        entries.Single(e => e.Path == path).Size.ShouldBe(5);
        entries.Single(e => e.Type == LayerEntryType.SymbolicLink).LinkTarget.ShouldBe($"{name}/{name}");
        var elsewhere = CreateRuntimeAt(Path.Combine(Directory, "long"));
        using var end = elsewhere as IDisposable;
        await using var next = await elsewhere.CreateAsync(Spec(layer!), Stop);
        (await ShellAsync(next, $"cd /data; for i in 1 2 3 4 5; do cd {name}; done; cat {name}")).Output.ShouldBe("deep\n");
    }

    [Fact]
    public async Task CommitAsync_SparseAndLargeFiles_HaveTheirWholeContent()
    {
        var layer = await StepAsync("truncate -s 20000000 /data/sparse; printf end >> /data/sparse; head -c 30000000 /dev/zero | tr '\\0' x > /data/large");
        Entries(layer).Where(e => e.Type == LayerEntryType.File).Select(e => (e.Path, e.Size)).ShouldBe([("data/large", 30000000), ("data/sparse", 20000003)]);
        var elsewhere = CreateRuntimeAt(Path.Combine(Directory, "large"));
        using var end = elsewhere as IDisposable;
        await using var next = await elsewhere.CreateAsync(Spec(layer!), Stop);
        (await ShellAsync(next, "tail -c 3 /data/sparse; head -c 20000000 /data/sparse | tr -d '\\0' | wc -c; tr -d x < /data/large | wc -c")).Output.ShouldBe("end0\n0\n");
    }

    [Fact]
    public async Task CommitAsync_DeletedInADirectoryThatWasReplacedBelow_LeavesNoStrayWhiteout()
    {
        var first = await StepAsync("mkdir -p /data/d; touch /data/d/a /data/d/b");
        var second = await StepAsync("rm -rf /data/d; mkdir /data/d; touch /data/d/c", first!);
        var third = await StepAsync("rm /data/d/c; touch /data/d/a", first!, second!);
        Paths(third).ShouldBe(["data", "data/d", "data/d/.wh.c", "data/d/a"]);
        await using var after = await CreateAsync(first!, second!, third!);
        (await ShellAsync(after, "ls /data/d")).Output.ShouldBe("a\n");
    }
}
