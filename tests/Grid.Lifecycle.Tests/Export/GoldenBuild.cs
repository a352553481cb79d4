using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Build;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Restore;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Export;

/// <summary>The build the reference was recorded with (tests/golden/export), done by us.</summary>
internal sealed class GoldenBuild : IAsyncDisposable
{
    public const string RunReference = "127.0.0.1:5066/ref/run@sha256:4679e529de4d29218b019cd19da51a02ebdd1a34c91d36714c5b433b760a8785";

    private readonly string _store = Directory.CreateTempSubdirectory("grid-golden-store-").FullName;

    public GoldenBuild(string recording, ContentStore? store = null)
    {
        Recording = Path.Combine(Golden, recording);
        Sandbox = new ChrootSandbox(Directory.CreateTempSubdirectory("grid-golden-").FullName);
        Store = store ?? new ContentStore(_store);
        Launcher = Path.Combine(_store, "launcher");
        File.WriteAllText(Launcher, "not really a launcher\n");
        CopyInput();
    }

    public static string Golden { get; } = FindGolden();

    public static PhaseEnvironment Environment { get; } = new()
    {
        PlatformApi = "0.13",
        ImageEnv = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CNB_STACK_ID=ref.bookworm", "CNB_USER_ID=1001", "OTHER=hidden"],
        User = new ProcessUser(1001, 1001),
        Target = new Target("linux", "amd64") { DistroName = "debian", DistroVersion = "12", Id = "ref.bookworm.run" },
    };

    public static Group Plain { get; } = new(
        [
            new GroupElement(ModuleKind.Buildpack, "t/full", "1.2.3", "0.11") { Homepage = "https://example.test/full" },
            new GroupElement(ModuleKind.Buildpack, "t/second", "0.1.0", "0.10"),
        ],
        []);

    public static Group Extended { get; } = new(
        [.. Plain.Buildpacks, new GroupElement(ModuleKind.Buildpack, "t/needs", "0.1.0", "0.10")],
        [new GroupElement(ModuleKind.Extension, "t/e", "1.0.0", "0.10")]);

    public static BuildPlan Plan { get; } = new(
        [new PlanEntry([new PlanProvider("t/full", "1.2.3")], [new PlanRequire("dep") { MetadataToml = "launch = true\nversion = \"1.0\"\n" }])]);

    public string Recording { get; }

    public ChrootSandbox Sandbox { get; }

    public ContentStore Store { get; }

    public string Launcher { get; }

    public CapturedLog Log { get; } = new();

    public Task<BuildMetadata> BuildAsync(Group group) =>
        BuildPhase.RunAsync(Sandbox, new BuildInput(Environment, group, Plan), Log, TestContext.Current.CancellationToken);

    public Task<PackedApp> PackAsync(Group group, BuildMetadata build, PinnedImage? previous = null) => LayerPacker.PackAsync(
        Sandbox.Files,
        Store,
        new PackInput
        {
            Environment = Environment,
            Group = group,
            Build = build,
            LauncherPath = Launcher,
            OwnLauncher = new LauncherMetadata
            {
                Version = "0.21.14",
                Source = new LauncherSource { Git = new GitSource { Repository = "github.com/buildpacks/lifecycle", Commit = "57de6463" } },
            },
            PreviousImage = previous,
            Previous = LifecycleMetadata.Read(previous?.Config.Config.Labels?[LifecycleMetadata.Label], out _),
        },
        Log,
        TestContext.Current.CancellationToken);

    public Task RestoreAsync(PinnedImage previous, CacheMetadata cache) => Restorer.RestoreAsync(
        Sandbox.Files,
        Store,
        new RestoreInput
        {
            Environment = Environment,
            Group = Plain,
            Previous = LifecycleMetadata.Read(previous.Config.Config.Labels![LifecycleMetadata.Label], out _),
            PreviousImage = previous,
            Cache = cache,
        },
        Log,
        TestContext.Current.CancellationToken);

    public ImageContent Assemble(PackedApp app, ContainerConfig? extended = null, IReadOnlyList<ExtensionLayer>? layers = null) => AppImage.Assemble(
        new AssembleInput
        {
            Environment = Environment,
            RunImage = Analyzed().RunImage,
            RunImageNames = Analyzed().RunImageMetadata,
            App = app,
            ProcessType = "web",
            ProjectMetadataToml = File.ReadAllText(Path.Combine(Golden, "input/project-metadata.toml")),
            ExtendedConfig = extended,
            ExtensionLayers = layers ?? [],
        },
        Store,
        new ImageStores([]),
        Log);

    /// <summary>The recorded image configuration, with the launcher's diff ID replaced: the reference's launcher is not ours to keep.</summary>
    public string ExpectedConfig(PackedApp app, string recordedLauncher) =>
        File.ReadAllText(Path.Combine(Recording, "config.json"))
            .Replace(recordedLauncher, app.Metadata.Launcher.Sha, StringComparison.Ordinal);

    /// <summary>The recorded run image: what the recorded app has below and around its own.</summary>
    public AnalyzeResult Analyzed()
    {
        var recorded = JsonSerializer.Deserialize<ImageConfig>(File.ReadAllText(Path.Combine(Golden, "plain-0.13/config.json")))!;
        var names = new RunImageNames { Image = "127.0.0.1:5066/ref/run:1", Mirrors = ["127.0.0.1:5066/ref/run-mirror:1"] };
        var labels = recorded.Config.Labels!.Where(label => label.Key.StartsWith("io.buildpacks.base.", StringComparison.Ordinal) || label.Key == "io.buildpacks.stack.id");
        var run = new PinnedImage
        {
            Location = RunReference,
            Manifest = new Descriptor(MediaTypes.DockerManifest, ImageReference.Parse(RunReference).Digest, 500),
            Config = recorded with
            {
                RootFs = new RootFs { DiffIds = [.. recorded.RootFs.DiffIds.Take(2)] },
                History = [.. recorded.History!.Take(2).Select(entry => entry with { Created = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero) })],
                Config = recorded.Config with
                {
                    Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                    Entrypoint = null,
                    Cmd = ["/bin/bash"],
                    WorkingDir = null,
                    Labels = labels.ToDictionary(),
                },
            },
            Layers = [.. recorded.RootFs.DiffIds.Take(2).Select(id => new Layer(new Descriptor(MediaTypes.DockerLayerGzip, id, 1), id))],
        };
        return new AnalyzeResult
        {
            Builder = run,
            RunImage = run,
            RunImageName = names.Image,
            RunImageMetadata = names,
            KnownRunImages = [names],
            Target = Environment.Target,
            User = Environment.User,
        };
    }

    public async ValueTask DisposeAsync()
    {
        await Sandbox.DisposeAsync();
        Directory.Delete(_store, recursive: true);
    }

    private void CopyInput()
    {
        Copy("app", "/workspace", new Owner(1001, 1001));
        // What a checkout does not keep.
        Sandbox.Files.CreateDirectory("/workspace/emptydir", 0x1ED);
        Sandbox.Files.CreateSymbolicLink("/workspace/link", "index.html");
        Copy("buildpacks", "/cnb/buildpacks", new Owner(0, 0));
        Copy("platform", "/platform", new Owner(0, 0));
        Sandbox.Files.CreateDirectory("/layers", 0x1ED, new Owner(1001, 1001));
    }

    private void Copy(string from, string to, Owner owner)
    {
        Sandbox.Files.CreateDirectory(to, 0x1ED, owner);
        var source = new RootedDirectory(Path.Combine(Golden, "input"));
        foreach (var (path, entry) in source.Walk("/" + from))
        {
            var target = to + path[(from.Length + 1)..];
            if (entry.IsDirectory)
                Sandbox.Files.CreateDirectory(target, 0x1ED, owner);
            else
                Sandbox.Files.WriteFile(target, File.ReadAllBytes(source.HostDirectory + path), entry.IsExecutable ? 0x1ED : 0x1A4, owner);
        }
        Sandbox.Files.ChangeOwner(to, owner, recursive: true);
    }

    private static string FindGolden()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Grid.sln")))
                return Path.Combine(directory.FullName, "tests/golden/export");
        }
        throw new DirectoryNotFoundException("the tests must run inside the repository");
    }
}
