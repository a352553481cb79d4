using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Tests.FileSystem;

namespace Grid.Oci.Tests.Layers;

public sealed class DirectoryLayerTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly ContentStore _store;
    private readonly RootedDirectory _tree;

    public DirectoryLayerTests()
    {
        ScratchDirectory.NeedsRoot();
        _store = new ContentStore(_scratch.Sub("store"));
        _tree = new RootedDirectory(_scratch.Sub("t"));
    }

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Create_OfARecordedLayer_GivesTheReferencesDiffId()
    {
        // layers/t_second/snd of the recorded build: diff ID a92abf7e…
        _scratch.Run("""
            cd t; mkdir -p layers/t_second/snd/env.launch
            cd layers/t_second/snd/env.launch
            tar -xzf "$OLDPWD/../golden.tar.gz" --strip-components=4 2>/dev/null || true
            """.Replace("$OLDPWD/../golden.tar.gz", Path.Combine(AppContext.BaseDirectory, "Layers", "Golden", Snd + ".tar.gz"), StringComparison.Ordinal));
        _scratch.Run("cd t; find layers -type d | xargs chmod 755; chown -R 1001:1001 layers; touch -h layers");

        Create("/layers/t_second/snd", new DirectoryLayerOptions { Owner = new(1001, 1001) }).DiffId.Hex.ShouldBe(Snd);
    }

    [Fact]
    public void Create_ATree_WritesParentsThenEntriesInOrder()
    {
        _scratch.Run("""
            cd t; mkdir -p l/b/d/sub l/b/d.x; chown 5:6 l; chmod 700 l/b
            echo hi > l/b/d/sub/f; ln l/b/d/sub/f l/b/d/hard; ln -s /x/y l/b/d/link; chmod 4755 l/b/d/sub/f; mkfifo l/b/d/pipe
            python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('l/b/d/sock')"
            """);
        var layer = Create("/l/b/d", new DirectoryLayerOptions { Owner = new(1001, 1002) });

        Describe(layer).ShouldBe([
            "/l 755 5:6 Directory", "/l/b 700 0:0 Directory", "/l/b/d 755 1001:1002 Directory", "/l/b/d/hard 4755 1001:1002 File hi",
            "/l/b/d/link 777 1001:1002 SymbolicLink /x/y", "/l/b/d/pipe 644 1001:1002 Fifo", "/l/b/d/sub 755 1001:1002 Directory", "/l/b/d/sub/f 4755 1001:1002 File hi",
        ]);
        LayerTestData.Read(_store, layer).ShouldAllBe(e => e.Entry.ModifiedTime == LayerTimes.Normalized);
        _scratch.Run("touch -h t/l/b/d/link t/l/b/d/sub/f");
        Create("/l/b/d", new DirectoryLayerOptions { Owner = new(1001, 1002) }).ShouldBe(layer);
    }

    [Fact]
    public void Measure_GivesTheDiffIdAndKeepsNothing()
    {
        _scratch.Run("cd t; mkdir -p l/b; echo hi > l/b/f; head -c 300000 /dev/zero > l/zeros");
        var options = new DirectoryLayerOptions { Owner = new(1001, 1001) };
        var measured = DirectoryLayer.Measure(_tree, "/l", options, TestContext.Current.CancellationToken);
        Directory.GetFiles(_store.Root, "*", SearchOption.AllDirectories).ShouldBeEmpty();
        Create("/l", options).DiffId.ShouldBe(measured);
    }

    [Fact]
    public void Create_WithFilter_KeepsTheParentsOfWhatIsIncluded()
    {
        _scratch.Run("cd t; mkdir -p w/a/b w/c w/empty; touch w/a/b/yes w/a/no w/c/no w/top");
        var options = new DirectoryLayerOptions { Include = (path, _) => path.EndsWith("yes", StringComparison.Ordinal) };
        Paths(Create("/w", options)).ShouldBe(["/w", "/w/a", "/w/a/b", "/w/a/b/yes"]);
        Paths(Create("/w", options with { Include = (_, _) => false })).ShouldBeEmpty();
        Paths(Create("/w", options with { Include = (_, entry) => entry.IsDirectory })).ShouldBe(["/w", "/w/a", "/w/a/b", "/w/c", "/w/empty"]);
    }

    [Fact]
    public void Create_WithAnotherPath_MapsThePrefix()
    {
        _scratch.Run("cd t; mkdir -p some/tmp/x cnb; chmod 711 cnb; echo 1 > some/tmp/x/f");
        Paths(Create("/some/tmp", new DirectoryLayerOptions { PathInLayer = "/cnb/new/place" }))
            .ShouldBe(["/cnb", "/cnb/new", "/cnb/new/place", "/cnb/new/place/x", "/cnb/new/place/x/f"]);
        Describe(Create("/some/tmp/x/f", new DirectoryLayerOptions { PathInLayer = "/cnb/f" })).ShouldBe(["/cnb 711 0:0 Directory", "/cnb/f 644 0:0 File 1"]);
        Paths(Create("/", new DirectoryLayerOptions())).ShouldContain("/some/tmp");
        Should.Throw<DirectoryNotFoundException>(() => Create("/nope", new DirectoryLayerOptions()));
    }

    private const string Snd = "a92abf7e946bdcb515d3da19e25b8be654ad5e25738171a6f6597e7cb7816aad";

    private Layer Create(string path, DirectoryLayerOptions options) =>
        DirectoryLayer.Create(_store, _tree, path, options, TestContext.Current.CancellationToken);

    private IEnumerable<string> Paths(Layer layer) => LayerTestData.Read(_store, layer).Select(e => e.Entry.Path);

    private IEnumerable<string> Describe(Layer layer) => LayerTestData.Read(_store, layer).Select(e =>
        $"{e.Entry.Path} {Convert.ToString(e.Entry.Mode, 8)} {e.Entry.Owner.UserId}:{e.Entry.Owner.GroupId} {e.Entry.Type} {e.Entry.LinkTarget}{System.Text.Encoding.UTF8.GetString(e.Content).Trim()}".TrimEnd());
}
