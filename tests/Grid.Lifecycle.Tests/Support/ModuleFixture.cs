using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Generate;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Support;

/// <summary>A builder with modules whose executables are shell scripts, in a directory of its own; removed when disposed.</summary>
internal sealed class ModuleFixture : IDisposable
{
    private const int Executable = 0x1ED;
    private readonly RootedDirectory _files = new("/");

    public ModuleFixture()
    {
        HostSandbox.SkipUnlessUsable();
        Root = Directory.CreateTempSubdirectory("grid-modules-").FullName;
        Process.Start("/bin/chmod", ["755", Root]).WaitForExit();
        foreach (var directory in new[] { "app", "layers", "shared", "platform/env" })
            _files.CreateDirectory($"{Root}/{directory}", Executable);
        _files.ChangeOwner(Root + "/shared", new Owner(1001, 1001), recursive: false);
    }

    public string Root { get; }

    public HostSandbox Sandbox { get; } = new();

    public RecordedLog Log { get; } = new();

    public PhaseEnvironment Environment => new()
    {
        PlatformApi = "0.15",
        ImageEnv = ["PATH=/usr/bin:/bin", "HOME=/tmp"],
        User = new ProcessUser(1001, 1001),
        Target = new Target("linux", "amd64") { DistroName = "debian", DistroVersion = "12" },
        AppDirectory = Root + "/app",
        LayersDirectory = Root + "/layers",
        PlatformDirectory = Root + "/platform",
        BuildpacksDirectory = Root + "/buildpacks",
        ExtensionsDirectory = Root + "/extensions",
        BuildConfigDirectory = Root + "/build-config",
        GeneratedDirectory = Root + "/layers/generated",
    };

    /// <summary>Adds a buildpack: the script of its detect, and what else stands in its descriptor.</summary>
    public ModuleFixture Buildpack(string id, string detect = "exit 0", string descriptor = "")
    {
        Add($"buildpacks/{id}/1/buildpack.toml", $"api = '0.12'\n[buildpack]\nid = '{id}'\nversion = '1'\n{descriptor}");
        Add($"buildpacks/{id}/1/bin/build", "#!/bin/sh\n");
        return Add($"buildpacks/{id}/1/bin/detect", $"#!/bin/sh\n{detect}\n");
    }

    /// <summary>Adds an extension; null leaves an executable out.</summary>
    public ModuleFixture Extension(string id, string? detect = "exit 0", string? generate = "exit 0", string descriptor = "")
    {
        Add($"extensions/{id}/1/extension.toml", $"api = '0.12'\n[extension]\nid = '{id}'\nversion = '1'\n{descriptor}");
        if (detect is not null)
            Add($"extensions/{id}/1/bin/detect", $"#!/bin/sh\n{detect}\n");
        return generate is null ? this : Add($"extensions/{id}/1/bin/generate", $"#!/bin/sh\ncd \"$CNB_OUTPUT_DIR\"\n{generate}\n");
    }

    public ModuleFixture Add(string path, string content)
    {
        var full = $"{Root}/{path}";
        _files.CreateDirectory(full[..full.LastIndexOf('/')], Executable);
        _files.WriteFile(full, System.Text.Encoding.UTF8.GetBytes(content), Executable);
        return this;
    }

    /// <summary>Detects with groups such as <c>"a b?"</c>; a group that starts with "+" is one of extensions.</summary>
    public Task<DetectResult> DetectAsync(string[] groups, PhaseEnvironment? environment = null, SystemFile? system = null, int degree = 8, CancellationToken cancellationToken = default)
    {
        var order = new OrderFile(Groups(groups.Where(g => g[0] != '+'), ModuleKind.Buildpack), Groups(groups.Where(g => g[0] == '+'), ModuleKind.Extension));
        return Detector.DetectAsync(Sandbox, new DetectInput(environment ?? Environment, order, system) { Degree = degree }, Log, cancellationToken);
    }

    /// <summary>Generates with these extensions in the group, each providing "x" to nobody's surprise.</summary>
    public Task<GenerateResult> GenerateAsync(string[] extensions, BuildPlan? plan = null, PhaseEnvironment? environment = null) => Generator.GenerateAsync(
        Sandbox,
        new GenerateInput(environment ?? Environment, new Group([], [.. extensions.Select(e => new GroupElement(ModuleKind.Extension, e, "1", "0.12"))]), plan ?? new BuildPlan([]), "run:base"),
        Log, TestContext.Current.CancellationToken);

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private static IReadOnlyList<OrderGroup> Groups(IEnumerable<string> groups, ModuleKind kind) =>
    [
        .. groups.Select(g => new OrderGroup([.. g.TrimStart('+').Split(' ').Select(e => new OrderElement(kind, e.TrimEnd('?'), "1")
        {
            Optional = e.EndsWith('?') || kind == ModuleKind.Extension,
        })])),
    ];
}
