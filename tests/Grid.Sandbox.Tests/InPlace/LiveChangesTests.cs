using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.InPlace;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.Tests.InPlace;

/// <summary>Changes of a tree become a layer that makes an old copy of the tree the new one.</summary>
public sealed class LiveChangesTests : IDisposable
{
    private readonly string _place = Directory.CreateTempSubdirectory("grid-live-").FullName;
    private readonly RootedDirectory _tree;
    private readonly ContentStore _content;

    public LiveChangesTests()
    {
        Directory.CreateDirectory(_place + "/tree");
        _tree = new RootedDirectory(_place + "/tree");
        _content = new ContentStore(_place + "/content");
        Write("/etc/a", "old a").Write("/etc/b", "old b").Write("/gone/x", "x").Write("/gone/y/z", "z").Write("/kept/k", "k").Write("/dir-to-file/f", "f")
            .Write("/file-to-dir", "f").Write("/excluded/e", "e");
        _tree.CreateSymbolicLink("/link", "etc/a");
    }

    public void Dispose() => new RootedDirectory(Path.GetDirectoryName(_place)!).Delete("/" + Path.GetFileName(_place));

    [Fact]
    public void Since_NothingChanged_IsNothing() => Changes(() => { }).ShouldBeEmpty();

    [Fact]
    public void Since_SomethingMadeAndRemoved_IsNothing() => Changes(() =>
    {
        Write("/kept/temporary", "t");
        _tree.Delete("/kept/temporary");
    }).ShouldBeEmpty();

    [Fact]
    public void Since_ExcludedPaths_AreLeftOut() => Changes(() => Write("/excluded/e", "new").Write("/excluded/more/f", "f")).ShouldBeEmpty();

    [Fact]
    public void Since_SameLengthInTheSameMoment_IsSeenByTheTimeOfChange()
    {
        var before = Look();
        // Not later than the clock's next tick: the content is as long, and the time of modification is put back.
        var time = File.GetLastWriteTimeUtc(_place + "/tree/etc/a");
        SpinWait.SpinUntil(() => { Write("/etc/a", "new a"); return Look()["/etc/a"] != before["/etc/a"]; }, TimeSpan.FromMinutes(1)).ShouldBeTrue();
        File.SetLastWriteTimeUtc(_place + "/tree/etc/a", time);

        Flatten(LiveChanges.Since(_tree, before, IsExcluded, TestContext.Current.CancellationToken)).ShouldBe(["/etc", "/etc/a"]);
    }

    [Fact]
    public void Since_AllKindsOfChanges_AreListedParentsFirst() => Changes(ChangeMuch).ShouldBe(
    [
        "/dir-to-file", "/etc", "-/etc/b", "/etc/a", "/etc/new", "/etc/new/n", "/file-to-dir", "/file-to-dir/g", "-/gone", "/kept", "/link",
    ], ignoreOrder: true);

    [Fact]
    public async Task Layer_AppliedToTheOldTree_GivesTheNewOne()
    {
        var copy = _place + "/copy";
        System.Diagnostics.Process.Start("/bin/cp", ["-a", _place + "/tree", copy]).WaitForExit();
        var before = Look();
        ChangeMuch();
        Layer layer;
        using (var writer = LayerWriter.Create(_content))
            layer = new UpperPacker(_tree, writer, default).Pack(LiveChanges.Since(_tree, before, IsExcluded, default));

        await LayerUnpacker.ApplyAsync(_content, layer, copy, TestContext.Current.CancellationToken);

        Listing(new RootedDirectory(copy)).ShouldBe(Listing(_tree));
    }

    private void ChangeMuch()
    {
        Write("/etc/a", "new and longer a").Write("/etc/new/n", "n");
        _tree.Delete("/etc/b");
        _tree.Delete("/gone");
        _tree.SetMode("/kept", 0x1C0);
        _tree.Delete("/dir-to-file");
        Write("/dir-to-file", "now a file");
        _tree.Delete("/file-to-dir");
        Write("/file-to-dir/g", "g");
        _tree.Delete("/link");
        _tree.CreateSymbolicLink("/link", "etc/new");
    }

    private LiveChangesTests Write(string path, string content)
    {
        _tree.CreateDirectory(path[..(path.LastIndexOf('/') is var slash and > 0 ? slash : 1)], 0x1ED);
        _tree.WriteFile(path, System.Text.Encoding.UTF8.GetBytes(content), 0x1A4);
        return this;
    }

    private List<string> Changes(Action change)
    {
        var before = Look();
        change();
        return Flatten(LiveChanges.Since(_tree, before, IsExcluded, TestContext.Current.CancellationToken));
    }

    private Dictionary<string, FileStamp> Look() => _tree.Stamps(IsExcluded).ToDictionary(s => s.Path, s => s.Stamp);

    private static bool IsExcluded(string path) => path == "/excluded";

    private static List<string> Flatten(IReadOnlyList<Change> changes) =>
        [.. changes.SelectMany(c => Flatten(c.Children).Prepend((c.IsWhiteout ? "-" : "") + c.Path))];

    private static List<string> Listing(RootedDirectory tree) =>
        [.. tree.Walk().Select(e => $"{e.Path} {e.Entry.Kind} {e.Entry.Mode:x} {e.Entry.Size} {e.Entry.LinkTarget}")];
}
