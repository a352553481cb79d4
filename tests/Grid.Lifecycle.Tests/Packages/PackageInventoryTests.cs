using System.Text;
using System.Text.Json;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Packages;
using Grid.Lifecycle.Restore;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Tests.Packages;

public sealed class PackageInventoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("grid-packages-").FullName;
    private readonly RootedDirectory _files;

    public PackageInventoryTests() => _files = new RootedDirectory(_root);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>The tree as it was when the inventory was taken.</summary>
    private sealed class Inventory : IDisposable
    {
        private readonly string _before = Directory.CreateTempSubdirectory("grid-packages-before-").FullName;
        private readonly RootedDirectory _files;
        private readonly PackageInventory _inventory;
        private readonly PackageLimits? _limits;

        public Inventory(RootedDirectory files, PackageLimits? limits = null)
        {
            (_files, _limits) = (files, limits);
            foreach (var (path, _) in files.Walk().Where(f => f.Entry.IsFile))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(_before + path)!);
                File.Copy(files.HostDirectory + path, _before + path);
            }
            _inventory = PackageInventory.Look(files);
        }

        public PackageChanges? Changes() => _inventory.Changed() is { Count: > 0 } databases ? PackageInventory.Compare(new RootedDirectory(_before), _files, databases, _limits) : null;

        public void Dispose() => Directory.Delete(_before, recursive: true);
    }

    private void Write(string path, string text)
    {
        _files.CreateDirectory(path[..path.LastIndexOf('/')], 0x1ED);
        // As package managers do: a new file in the old one's place.
        _files.WriteFile(path + ".new", Encoding.UTF8.GetBytes(text), 0x1A4);
        _files.Rename(path + ".new", path);
    }

    private static string Deb(string name, string version) => $"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n";

    [Fact]
    [Decision(35)]
    public void Changes_InstalledUpgradedAndRemoved_AreListed()
    {
        Write("/etc/os-release", "NAME=\"Debian\"\nID=debian\n");
        Write("/var/lib/dpkg/status", Deb("base", "1") + Deb("curl", "7") + Deb("old", "1"));
        using var inventory = new Inventory(_files);
        Write("/var/lib/dpkg/status", Deb("base", "1") + Deb("curl", "8") + Deb("new", "1"));

        var changes = inventory.Changes()!;

        changes.Added.Select(p => $"{p.Name} {p.Version}").ShouldBe(["curl 8", "new 1"]);
        changes.Removed.Select(p => $"{p.Name} {p.Version}").ShouldBe(["curl 7", "old 1"]);
        changes.Distribution.ShouldBe("debian");
        changes.Problem.ShouldBeNull();
    }

    [Fact]
    public void Changes_NoDatabaseTouched_IsNull()
    {
        Write("/var/lib/dpkg/status", Deb("base", "1"));
        using var inventory = new Inventory(_files);
        Write("/etc/motd", "hello");

        inventory.Changes().ShouldBeNull();
    }

    [Fact]
    public void Changes_FirstDatabaseOfTheImage_IsAllNew()
    {
        using var inventory = new Inventory(_files);
        Write("/lib/apk/db/installed", "P:musl\nV:1.2\nA:x86_64\n");

        inventory.Changes()!.Added.Single().ShouldBe(new Package(PackageKind.Apk, "musl", "1.2", "x86_64"));
    }

    [Fact]
    public void Changes_StatusDirectory_IsReadFileByFile()
    {
        Write("/var/lib/dpkg/status.d/base", "Package: base\nVersion: 1\n");
        Write("/var/lib/dpkg/status.d/base.md5sums", "Package: nothing\nVersion: 1\n");
        using var inventory = new Inventory(_files);
        Write("/var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2\n");

        inventory.Changes()!.Added.Single().Name.ShouldBe("tzdata");
    }

    [Theory]
    [InlineData("/var/lib/rpm/Packages", "Berkeley")]
    [InlineData("/var/lib/rpm/rpmdb.sqlite", "SQLite")]
    public void Changes_DatabaseThatCannotBeRead_SaysSo(string path, string problem)
    {
        using var inventory = new Inventory(_files);
        Write(path, "something else");

        inventory.Changes()!.Problem!.ShouldContain(problem);
    }

    [Fact]
    public void Changes_WriteAheadLog_SaysSo()
    {
        using var inventory = new Inventory(_files);
        Write("/var/lib/rpm/rpmdb.sqlite", "x");
        Write("/var/lib/rpm/rpmdb.sqlite-wal", "x");

        inventory.Changes()!.Problem!.ShouldContain("write-ahead log");
    }

    [Fact]
    public void Open_HostilePaths_AreNoDatabases()
    {
        _files.CreateDirectory("/var/lib/dpkg/status", 0x1ED);
        _files.CreateDirectory("/lib/apk/db", 0x1ED);
        _files.CreateSymbolicLink("/lib/apk/db/installed", "/lib/apk/db/installed");
        using var inventory = new Inventory(_files);

        inventory.Changes().ShouldBeNull();
    }

    [Fact]
    public void Changes_DatabaseBeyondTheBound_SaysSo()
    {
        using var inventory = new Inventory(_files, new PackageLimits { MaxBytes = 100 });
        Write("/var/lib/dpkg/status", new string('x', 200));

        inventory.Changes()!.Problem!.ShouldContain("100 bytes");
    }

    [Fact]
    public void Combine_InstalledAndRemovedAgain_IsNothing()
    {
        Package make = new(PackageKind.Deb, "make", "4", "amd64"), curl = new(PackageKind.Deb, "curl", "7", "amd64");

        var changes = ExtensionPackages.Combine([new PackageChanges { Added = [make, curl], Distribution = "debian" }, null, new PackageChanges { Removed = [make] }])!;

        changes.Added.ShouldBe([curl]);
        changes.Removed.ShouldBeEmpty();
        changes.Distribution.ShouldBe("debian");
        ExtensionPackages.Combine([null, null]).ShouldBeNull();
    }

    [Fact]
    [Decision(35)]
    public async Task Merge_NoSbomLayer_MakesOneBelowTheApp()
    {
        var (store, app) = (new ContentStore(Path.Combine(_root, "content")), App());

        var merged = await MergeAsync(app, store);

        merged.Layers.Select(l => l.Id).ShouldBe(["samples/app:modules", "buildpacksio/lifecycle:launch.sbom", "slice-1"]);
        var layer = merged.Layers[1].Layer;
        merged.Metadata.Sbom!.Sha.ShouldBe(layer.DiffId.ToString());
        var sbom = Read(store, layer)["layers/sbom/launch/samples_tools/sbom.cdx.json"];
        JsonDocument.Parse(sbom).RootElement.GetProperty("components")[0].GetProperty("purl").GetString().ShouldBe("pkg:deb/debian/curl@7?arch=amd64");
        // Equal input, equal layer.
        (await MergeAsync(app, store)).Layers[1].Layer.ShouldBe(layer);
    }

    [Fact]
    public async Task Merge_SbomLayerOfTheBuild_KeepsWhatBuildpacksSay()
    {
        var store = new ContentStore(Path.Combine(_root, "content"));
        Write("/layers/sbom/launch/samples_app/sbom.cdx.json", "{}");
        var own = DirectoryLayer.Create(store, _files, "/layers/sbom/launch", new DirectoryLayerOptions(), TestContext.Current.CancellationToken);
        var app = App(new PackedLayer("buildpacksio/lifecycle:launch.sbom", "Software Bill-of-Materials", own));

        var merged = await MergeAsync(app, store);

        merged.Layers.Count.ShouldBe(3);
        Read(store, merged.Layers[1].Layer).Keys.Where(k => k.EndsWith(".json", StringComparison.Ordinal)).ShouldBe(
            ["layers/sbom/launch/samples_app/sbom.cdx.json", "layers/sbom/launch/samples_tools/sbom.cdx.json"], ignoreOrder: true);
    }

    [Fact]
    public async Task Merge_NothingInstalled_ChangesNothing()
    {
        var app = App();

        (await ExtensionSbomLayer.MergeAsync(app, [], new ExtensionSbomInput("/layers", default, null), new ContentStore(Path.Combine(_root, "content")), null!, TestContext.Current.CancellationToken)).ShouldBeSameAs(app);
    }

    private static Task<PackedApp> MergeAsync(PackedApp app, ContentStore store) => ExtensionSbomLayer.MergeAsync(
        app,
        [new ExtensionPackages("samples/tools", "1.0", new PackageChanges { Added = [new Package(PackageKind.Deb, "curl", "7", "amd64")], Distribution = "debian" })],
        new ExtensionSbomInput("/layers", new Owner(1000, 1001), null), store, store, TestContext.Current.CancellationToken);

    private static Dictionary<string, string> Read(ContentStore store, Layer layer)
    {
        using var blob = store.Open(layer.Blob);
        using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        var reader = new LayerReader(tar);
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Next() is { } entry)
        {
            using var text = new StreamReader(reader.Content, leaveOpen: true);
            files.Add(entry.Path.Trim('/'), text.ReadToEnd());
        }
        return files;
    }

    private static PackedApp App(params PackedLayer[] sbom) => new()
    {
        Layers = [Packed("samples/app:modules"), .. sbom, Packed("slice-1")],
        Metadata = new LifecycleMetadata(),
        Build = new BuildMetadata(),
        Launcher = new LauncherMetadata(),
        Cache = new CacheMetadata(),
    };

    private static PackedLayer Packed(string id) => new(id, id, new Layer(new Descriptor(MediaTypes.OciLayerGzip, Oci.Digest.Compute(Encoding.UTF8.GetBytes(id)), 1), Oci.Digest.Compute("x"u8)));
}
