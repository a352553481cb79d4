using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Layers;
using Grid.Oci.Tests.FileSystem;
using static Grid.Oci.Tests.Layers.LayerTestData;

namespace Grid.Oci.Tests.Layers;

public sealed class SourceArchiveTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly ContentStore _store;

    public SourceArchiveTests() => _store = new ContentStore(_scratch.Sub("store"));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Pack_ThenUnpack_GivesTheSameTree()
    {
        ScratchDirectory.NeedsRoot();
        _scratch.Run("mkdir -p app/src/empty app/skipped; cd app; echo 1 > src/a.txt; chmod 755 src/a.txt; ln -s ../.. src/link; echo x > skipped/f; echo y > $'odd\\n\\351'; chown -R 55:66 src");
        var archive = SourceArchive.Pack(_store, _scratch.Path + "/app", (path, isDirectory) => !(isDirectory && path == "skipped"), Token);
        _scratch.Run("touch app/src/a.txt; chown 1:1 app/src/a.txt");
        SourceArchive.Pack(_store, _scratch.Path + "/app", (path, _) => !path.StartsWith("skipped", StringComparison.Ordinal), Token).ShouldBe(archive);

        await SourceArchive.UnpackAsync(_store, archive, _scratch.Path + "/out", new Owner(1001, 1002), new LayerLimits(), Token);
        _scratch.Run("rm -r app/skipped");
        const string List = "find . -mindepth 1 -printf '%P %y %m %s %l\\n' | sort";
        _scratch.Run("cd out; " + List).ShouldBe(_scratch.Run("cd app; " + List));
        _scratch.Run("find out -mindepth 1 -printf '%U:%G\\n' | sort -u").ShouldBe("1001:1002\n");
    }

    [Fact]
    public void Read_GivesEachEntryOnce_AndThrowsAtTheEndWhenTheArchiveIsAnother()
    {
        _scratch.Run("mkdir -p app/d; echo 1 >app/a; echo 2 >app/d/b");
        var archive = SourceArchive.Pack(_store, _scratch.Path + "/app", (_, _) => true, Token);
        var read = new List<string>();
        SourceArchive.Read(_store, archive, new LayerLimits(), Take, Token);
        read.ShouldBe(["a 1\n", "d ", "d/b 2\n"]);

        Should.Throw<InvalidDataException>(() => SourceArchive.Read(_store, archive with { DiffId = archive.Blob.Digest }, new LayerLimits(), Take, Token)).Message.ShouldContain("damaged or forged");

        void Take(LayerEntry entry, Stream content) => read.Add($"{entry.Path} {new StreamReader(content).ReadToEnd()}");
    }

    [Fact]
    public void Pack_ASocket_IsRefusedByName()
    {
        _scratch.Run("mkdir app; mkfifo app/pipe");
        Should.Throw<InvalidDataException>(() => SourceArchive.Pack(_store, _scratch.Path + "/app", (_, _) => true, Token)).Message.ShouldContain("'pipe' is a Fifo");
    }

    [Fact]
    public async Task Unpack_HostileArchives_AreRefused()
    {
        ScratchDirectory.NeedsRoot();
        await RefusedAsync("'..'", File("../evil"));
        await RefusedAsync("is a link, not a directory", Link("l", ".."), File("l/evil"));
        await RefusedAsync("is not accepted here", new LayerEntry("dev", LayerEntryType.BlockDevice) { Device = (8, 0) });
        await RefusedAsync("neither before it", Hard("h", "store/x"));
        _scratch.Run("ls").ShouldBe("out\nstore\n");
    }

    [Fact]
    public async Task Unpack_SetUserId_IsDropped_AndWhiteoutsAreFiles()
    {
        ScratchDirectory.NeedsRoot();
        await SourceArchive.UnpackAsync(_store, Write(_store, File("s", 0x9ED), File(".wh.x")), _scratch.Path + "/out", new Owner(1, 1), new LayerLimits(), Token);
        _scratch.Run("stat -c '%n %a %F' out/s out/.wh.x").ShouldBe("out/s 755 regular empty file\nout/.wh.x 644 regular empty file\n");
    }

    private async Task RefusedAsync(string reason, params LayerEntry[] entries) =>
        (await Should.ThrowAsync<InvalidDataException>(() =>
            SourceArchive.UnpackAsync(_store, Write(_store, entries), _scratch.Path + "/out", new Owner(1, 1), new LayerLimits(), Token))).Message.ShouldContain(reason);
}
