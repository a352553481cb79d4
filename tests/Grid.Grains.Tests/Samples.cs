using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Grains.Tests;

/// <summary>Images, Dockerfiles and phase results that mean nothing but are complete.</summary>
internal static class Samples
{
    public static Digest DigestOf(string text) => Digest.Compute(System.Text.Encoding.UTF8.GetBytes(text));

    public static Layer LayerOf(string text) => new(new Descriptor(MediaTypes.OciLayerGzip, DigestOf("blob of " + text), 100 + text.Length), DigestOf(text));

    public static PinnedImage Image(string name, string? user = "1000:1001", IReadOnlyDictionary<string, string>? labels = null) => new()
    {
        Location = $"registry.example/{name}@{DigestOf(name)}",
        Manifest = new Descriptor(MediaTypes.OciManifest, DigestOf(name), 500),
        Layers = [LayerOf(name + " base")],
        Config = new ImageConfig
        {
            Os = "linux", Architecture = "amd64", RootFs = new RootFs { DiffIds = [LayerOf(name + " base").DiffId] },
            Config = new ContainerConfig { User = user, Env = ["PATH=/usr/bin"], Labels = labels },
        },
    };

    public static AnalyzeResult Analyzed(string builder = "builder", string runImage = "run") => new()
    {
        Builder = Image(builder),
        RunImage = Image(runImage),
        RunImageName = $"registry.example/{runImage}",
        RunImageMetadata = new RunImageNames { Image = $"registry.example/{runImage}" },
        KnownRunImages = [],
        Target = new Target("linux", "amd64"),
        User = new ProcessUser(1000, 1001),
    };

    public static ExtensionDockerfileSource Dockerfile(ImageKind kind, string text, string id = "samples/tools", params BuildArg[] args) => new()
    {
        ExtensionId = id, ExtensionVersion = "1.0", Kind = kind, Text = text, Args = args, Context = new BuildContext(LayerOf("source"), default),
    };

    public static Detection Detection(params ExtensionDockerfileSource[] dockerfiles) => new()
    {
        Group = new Group([new GroupElement(ModuleKind.Buildpack, "samples/app", "1.0", "0.12")], [new GroupElement(ModuleKind.Extension, "samples/tools", "1.0", "0.12")]),
        Plan = new BuildPlan([]),
        Dockerfiles = dockerfiles,
        Analyzed = Analyzed(),
    };

    public static PackedApp App(string cached = "cached") => new()
    {
        Layers = [new PackedLayer("slice-1", "app", LayerOf("app"))],
        Metadata = new LifecycleMetadata(),
        Build = new BuildMetadata(),
        Launcher = new LauncherMetadata(),
        Cache = new CacheMetadata { Buildpacks = [new CachedBuildpack("samples/app", "1.0", [new CachedLayer("modules", LayerOf(cached))])] },
    };

    public static ExportReport Report(string name) => new()
    {
        Digest = DigestOf(name), ManifestSize = 700, Tags = ["registry.example/app:latest"], Pinned = [$"registry.example/app@{DigestOf(name)}"], Errors = [],
    };

    public static BuildRequest Extension(ImageKind kind, string text, string app = "extended") => new()
    {
        Tenant = "tenant", App = app, Source = BuildRequest.NoSource, Builder = "", Targets = [$"registry.example/{app}"], BuildId = "pinned=11111111-2222-3333-4444-555555555555",
        Extension = new ImageExtension { Kind = kind, Base = "registry.example/base", Dockerfiles = [new GivenDockerfile { Extension = "samples/tools", FileName = "Dockerfile", Text = text }] },
    };

    public static BuildRequest Rebase(string app = "rebased") => new()
    {
        Tenant = "tenant", App = app, Source = BuildRequest.NoSource, Builder = "", Targets = [$"registry.example/{app}"], Rebase = new ImageRebase(Force: false),
    };

    /// <summary>What a node makes of an image that is extended by itself.</summary>
    public static PinnedExtension Pinned(ImageExtension extension) =>
        new(Image("base"), [.. extension.Dockerfiles.Select(d => Dockerfile(extension.Kind, d.Text, d.Extension) with { FileName = d.FileName })]);

    public static BuildRequest Request(string app = "app") => new()
    {
        Tenant = "tenant", App = app, Source = LayerOf("source"), Builder = "registry.example/builder", Targets = ["registry.example/app:latest"],
    };
}
