using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Grid.Buildpacks.Builders;
using Grid.Lifecycle.Builders;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Tests.Builders;

public sealed class BuilderCreatorTests : IDisposable
{
    private readonly BuilderWorkspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Create_BuildpackAndExtension_HasPacksLayersInOrder()
    {
        _work.Buildpack("bp", "samples/a", "1.0.0").Extension("ext", "samples/e", "2.0.0");
        var image = await _work.CreateAsync(BuilderWorkspace.Config("""
            [[buildpacks]]
            uri = "bp"
            [[extensions]]
            uri = "ext"
            [[order]]
            group = [{ id = "samples/a" }]
            [[order-extensions]]
            group = [{ id = "samples/e", version = "2.0.0" }]
            [[build.env]]
            name = "V"
            value = "x"
            suffix = "append"
            delim = ","
            """));

        var layers = image.Layers.Skip(1).Select(_work.Entries).ToList();
        layers[0].Select(entry => $"{entry.Path} {entry.Owner.UserId}:{entry.Owner.GroupId}").ShouldBe([
            "/workspace 1001:1002", "/layers 1001:1002", "/cnb 0:0", "/cnb/buildpacks 0:0", "/cnb/extensions 0:0", "/platform 0:0", "/platform/env 0:0",
            "/cnb/build-config 0:0", "/cnb/build-config/env 0:0",
        ]);
        layers[1].Select(entry => entry.Path).ShouldBe([
            "/cnb", "/cnb/buildpacks", "/cnb/buildpacks/samples_a", "/cnb/buildpacks/samples_a/1.0.0", "/cnb/buildpacks/samples_a/1.0.0/bin",
            "/cnb/buildpacks/samples_a/1.0.0/bin/build", "/cnb/buildpacks/samples_a/1.0.0/buildpack.toml",
        ]);
        layers[2].Select(entry => entry.Path).ShouldContain("/cnb/extensions/samples_e/2.0.0/extension.toml");
        layers.Skip(3).Select(layer => string.Join(' ', layer.Select(entry => entry.Path))).ShouldBe([
            "/cnb/order.toml", "/cnb/stack.toml", "/cnb/run.toml", "/cnb/build-config/env/V.append /cnb/build-config/env/V.delim",
        ]);
        layers.SelectMany(layer => layer).ShouldAllBe(entry => entry.ModifiedTime == LayerTimes.Normalized);
        _work.Text(image.Layers[^4], "/cnb/order.toml").ShouldBe("""
            [[order]]
              [[order.group]]
                id = "samples/a"
                version = "1.0.0"

            [[order-extensions]]
              [[order-extensions.group]]
                id = "samples/e"
                version = "2.0.0"

            """);
        _work.Text(image.Layers[^2], "/cnb/run.toml").ShouldBe($"[[images]]\n  image = \"oci:{_work.Directory}/base:run\"\n");
    }

    [Fact]
    [Spec("platform/build-image.user", "platform/build-image.uid", "platform/build-image.gid")]
    public async Task Create_Config_HasUserDirectoryAndLabels()
    {
        _work.Buildpack("bp", "samples/a", "1.0.0").Extension("ext", "samples/e", "2.0.0");
        var image = await _work.CreateAsync(BuilderWorkspace.Config("""
            description = "a <test>"
            [[buildpacks]]
            uri = "bp"
            [[extensions]]
            uri = "ext"
            [[order]]
            group = [{ id = "samples/a", optional = true }]
            [[system.pre.buildpacks]]
            id = "samples/a"
            """));

        var config = ImageDocuments.ReadConfig(image.Config, "test").Config;
        (config.User, config.WorkingDir).ShouldBe(("1001:1002", "/layers"));
        config.Env!.ShouldContain("CNB_USER_ID=1001");
        var metadata = JsonNode.Parse(config.Labels!["io.buildpacks.builder.metadata"])!;
        ((string?)metadata["description"]).ShouldBe("a <test>");
        metadata["buildpacks"]!.ToJsonString().ShouldBe("""[{"id":"samples/a","version":"1.0.0","homepage":"https://a.test","name":"A"}]""");
        metadata["stack"]!.ToJsonString().ShouldBe($$$$"""{"runImage":{"image":"oci:{{{{_work.Directory}}}}/base:run","mirrors":[]}}""");
        config.Labels["io.buildpacks.buildpack.layers"].ShouldBe(
            $$$$"""{"samples/a":{"1.0.0":{"api":"0.10","targets":[{"os":"linux","arch":""}],"homepage":"https://a.test","name":"A","layerDiffID":"{{{{image.Layers[2].Layer.DiffId}}}}"}}}""");
        config.Labels["io.buildpacks.extension.layers"].ShouldBe(
            $$$$"""{"samples/e":{"2.0.0":{"api":"0.10","targets":[{"os":"linux","arch":""}],"layerDiffID":"{{{{image.Layers[3].Layer.DiffId}}}}"}}}""");
        config.Labels["io.buildpacks.buildpack.order"].ShouldBe("""[{"group":[{"id":"samples/a","version":"1.0.0","optional":true}]}]""");
        config.Labels["io.buildpacks.buildpack.order-extensions"].ShouldBe("[]");
        config.Labels["io.buildpacks.buildpack.system"].ShouldBe("""{"pre":{"buildpacks":[{"id":"samples/a","version":"1.0.0"}]},"post":{"buildpacks":[]}}""");
        config.Labels["kept"].ShouldBe("from the base");
    }

    [Fact]
    public async Task Create_Twice_GivesTheSameImage()
    {
        _work.Buildpack("bp", "a", "1");
        var config = BuilderWorkspace.Config("[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"a\" }]");
        (await _work.CreateAsync(config)).Digest.ShouldBe((await _work.CreateAsync(config)).Digest);
    }

    [Theory]
    [InlineData("bp.tgz", "./")]
    [InlineData("bp.tar", "")]
    public async Task Create_Archive_HasTheFilesOfTheDirectory(string archive, string prefix)
    {
        _work.Buildpack("bp", "a", "1");
        using (var file = File.Create(Path.Combine(_work.Directory, archive)))
        using (var stream = archive.EndsWith("tgz", StringComparison.Ordinal) ? (Stream)new GZipStream(file, CompressionLevel.Fastest) : file)
        using (var tar = new TarWriter(stream, TarEntryFormat.Ustar))
        {
            foreach (var name in (string[])["bin", "bin/build", "buildpack.toml"])
                tar.WriteEntry(Path.Combine(_work.Directory, "bp", name), prefix + name);
        }
        var image = await _work.CreateAsync(BuilderWorkspace.Config($"[[buildpacks]]\nuri = \"{archive}\"\n[[order]]\ngroup = [{{ id = \"a\" }}]"));
        var entries = _work.Entries(image.Layers[2]);
        entries.Select(entry => entry.Path).ShouldBe([
            "/cnb", "/cnb/buildpacks", "/cnb/buildpacks/a", "/cnb/buildpacks/a/1", "/cnb/buildpacks/a/1/bin", "/cnb/buildpacks/a/1/bin/build",
            "/cnb/buildpacks/a/1/buildpack.toml",
        ]);
        entries.Single(entry => entry.Path.EndsWith("/build", StringComparison.Ordinal)).Mode.ShouldBe(0x1ED);
    }

    [Fact]
    [Spec("distribution/package.form")]
    public async Task Create_ImageOfABuilder_GivesItsModulesAndBase()
    {
        _work.Buildpack("bp", "a", "1").Buildpack("bp2", "b", "1").Buildpack("changed", "a", "1", name: "changed");
        var first = await _work.CreateAsync(BuilderWorkspace.Config("[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"a\" }]"));
        await _work.PushAsync(first, "first");

        // As a package: its layer is taken as it is.
        var second = await _work.CreateAsync(BuilderWorkspace.Config("[[buildpacks]]\nimage = \"oci:base:first\"\n[[order]]\ngroup = [{ id = \"a\" }]"));
        second.Layers[2].Layer.DiffId.ShouldBe(first.Layers[2].Layer.DiffId);

        // As the build image: its module stays, another one with the same name hides it first.
        var third = await _work.CreateAsync(BuilderWorkspace.Config("""
            [[buildpacks]]
            uri = "bp2"
            [[buildpacks]]
            uri = "changed"
            [[order]]
            group = [{ id = "a" }, { id = "b" }]
            """, build: "oci:base:first"));
        var above = third.Layers.Skip(first.Layers.Count + 1).Select(_work.Entries).ToList();
        above[0].Single().Path.ShouldBe("/cnb/buildpacks/a/.wh.1");
        above[1].Select(entry => entry.Path).ShouldContain("/cnb/buildpacks/a/1/buildpack.toml");
        above[2].Select(entry => entry.Path).ShouldContain("/cnb/buildpacks/b/1/buildpack.toml");
    }

    [Fact]
    [Spec("distribution/package.form", "distribution/package.cnb", "distribution/package.path")]
    public async Task Create_PackageFile_IsALayoutInATar()
    {
        _work.Buildpack("bp", "a", "1");
        var package = await _work.CreateAsync(BuilderWorkspace.Config("[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"a\" }]"));
        await _work.PushAsync(package, null, "package");
        await TarFile.CreateFromDirectoryAsync(Path.Combine(_work.Directory, "package"), Path.Combine(_work.Directory, "a.cnb"), includeBaseDirectory: false);
        Directory.Delete(Path.Combine(_work.Directory, "package"), recursive: true);
        var image = await _work.CreateAsync(BuilderWorkspace.Config("[[buildpacks]]\nuri = \"a.cnb\"\n[[order]]\ngroup = [{ id = \"a\" }]"));
        _work.Entries(image.Layers[2]).Select(entry => entry.Path).ShouldContain("/cnb/buildpacks/a/1/buildpack.toml");
    }

    [Fact]
    public async Task Create_Lifecycle_IsInTheImageAndInTheLabel()
    {
        _work.Buildpack("bp", "a", "1")
            .Write("lc/lifecycle.toml", "[apis.buildpack]\nsupported = [\"0.12\"]\n[apis.platform]\nsupported = [\"0.15\"]\n[lifecycle]\nversion = \"9.9.9\"\n")
            .Write("lc/lifecycle/launcher", "binary");
        var image = await _work.CreateAsync(BuilderWorkspace.Config("""
            [[buildpacks]]
            uri = "bp"
            [[order]]
            group = [{ id = "a" }]
            [lifecycle]
            uri = "lc"
            """));
        _work.Entries(image.Layers[2]).Select(entry => entry.Path).ShouldBe(["/cnb", "/cnb/lifecycle", "/cnb/lifecycle/launcher", "/lifecycle"]);
        JsonNode.Parse(ImageDocuments.ReadConfig(image.Config, "test").Config.Labels!["io.buildpacks.builder.metadata"])!["lifecycle"]!.ToJsonString()
            .ShouldBe("""{"version":"9.9.9","apis":{"buildpack":{"deprecated":[],"supported":["0.12"]},"platform":{"deprecated":[],"supported":["0.15"]}}}""");
    }

    [Theory]
    [InlineData("[[buildpacks]]\nuri = \"missing\"", "cannot use missing", ":1:1:")]
    [InlineData("[[buildpacks]]\nuri = \"ext\"", "has no buildpack.toml", ":1:1:")]
    [InlineData("[[buildpacks]]\nuri = \"bp\"\nid = \"other\"", "bp is a, not other", ":1:1:")]
    [InlineData("[[buildpacks]]\nuri = \"bp\"\nversion = \"2\"", "bp is version 1 of a, not 2", ":1:1:")]
    [InlineData("[[buildpacks]]\nuri = \"old\"", "'0.2' is not supported", "old/buildpack.toml:1:")]
    [InlineData("[[buildpacks]]\nuri = \"https://somewhere.test/a.tgz\"", "download it and give its path", ":1:1:")]
    [InlineData("[[buildpacks]]\nuri = \"evil\"", "'../../x' has characters that are not allowed", "evil/buildpack.toml:")]
    [InlineData("[[buildpacks]]\nimage = \"oci:base:build\"", "has no label io.buildpacks.buildpack.layers", ":1:1:")]
    [InlineData("[[buildpacks]]\nuri = \"bp\"\n[[buildpacks]]\nuri = \"same\"", "a@1 is given twice", ":3:1:")]
    [InlineData("[[order]]\ngroup = [{ id = \"gone\" }]", "'gone' is not in the builder; add it to [[buildpacks]]", ":2:")]
    [InlineData("[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"a\", version = \"3\" }]", "not in the builder in version 3; it has 1", ":4:")]
    [InlineData("[[buildpacks]]\nuri = \"bp\"\n[[buildpacks]]\nuri = \"next\"\n[[order]]\ngroup = [{ id = \"a\" }]", "more than once (1, 2)", ":6:")]
    [InlineData("[[buildpacks]]\nuri = \"arm\"\n[[order]]\ngroup = [{ id = \"arm\" }]", "arm@1 is not for linux/amd64", ":4:")]
    [InlineData("[[buildpacks]]\nuri = \"bp\"\n[[buildpacks]]\nuri = \"composite\"\n[[order]]\ngroup = [{ id = \"a\" }]", "needs a@7", "composite@1")]
    [InlineData("[[order-extensions]]\ngroup = [{ id = \"a\" }]\n[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"a\" }]", "add it to [[extensions]]", ":2:")]
    [InlineData("[[targets]]\nos = \"linux\"\narch = \"arm64\"\n[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"a\" }]", "not for linux/amd64", ":1:1:")]
    [Spec("platform/target.same", "distribution/buildpack.descriptor")]
    [Spec("buildpack/id.characters")]
    [Spec("distribution/package.entry")]
    public async Task Create_SomethingDoesNotFit_SaysWhatAndWhere(string toml, string message, string where)
    {
        _work.Buildpack("bp", "a", "1").Buildpack("next", "a", "2").Buildpack("same", "a", "1", name: "Other").Extension("ext", "e", "1");
        _work.Buildpack("old", "o", "1", api: "0.2").Buildpack("evil", "../../x", "1");
        _work.Write("arm/buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"arm\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\narch = \"arm64\"\n");
        _work.Write("composite/buildpack.toml",
            "api = \"0.10\"\n[buildpack]\nid = \"composite\"\nversion = \"1\"\n[[order]]\n[[order.group]]\nid = \"a\"\nversion = \"7\"\n");
        if (!toml.Contains("[[order]]", StringComparison.Ordinal))
            toml += "\n[[order]]\ngroup = [{ id = \"a\" }]";
        var error = await Should.ThrowAsync<BuilderException>(() => _work.CreateAsync(BuilderWorkspace.Config(toml)));
        error.Message.ShouldContain(message);
        error.Message.ShouldContain(where);
    }

    [Theory]
    [InlineData("oci:base:nothing", "does not exist")]
    [InlineData("oci:base:run", "has no CNB_USER_ID")]
    [InlineData("Not A Name", "is not the name of an image")]
    public async Task Create_BuildImageDoesNotFit_SaysWhy(string build, string message) =>
        (await Should.ThrowAsync<BuilderException>(() => _work.CreateAsync(BuilderWorkspace.Config("[[order]]\ngroup = [{ id = \"a\" }]", build))))
            .Message.ShouldContain(message);

    /// <summary>An independent reader of OCI images unpacks it.</summary>
    [Fact]
    public async Task Create_Image_UmociUnpacksIt()
    {
        if (Environment.UserName != "root" || !File.Exists("/usr/bin/umoci"))
            Assert.Skip("needs root and umoci");
        _work.Buildpack("bp", "samples/a", "1.0.0");
        var image = await _work.CreateAsync(BuilderWorkspace.Config("[[buildpacks]]\nuri = \"bp\"\n[[order]]\ngroup = [{ id = \"samples/a\" }]"));
        await _work.PushAsync(image, "builder");
        var bundle = Path.Combine(_work.Directory, "bundle");
        using var umoci = Process.Start("umoci", ["unpack", "--image", _work.Directory + "/base:builder", bundle]);
        await umoci.WaitForExitAsync();
        umoci.ExitCode.ShouldBe(0);
        File.ReadAllText(bundle + "/rootfs/cnb/order.toml").ShouldContain("samples/a");
        File.GetUnixFileMode(bundle + "/rootfs/cnb/buildpacks/samples_a/1.0.0/bin/build").HasFlag(UnixFileMode.OtherExecute).ShouldBeTrue();
    }
}
