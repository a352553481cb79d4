using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Build;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Environment;
using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Telemetry;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Build;

/// <summary>What one buildpack left.</summary>
internal sealed record BuildpackOutput(LaunchToml Launch, BuildToml Build, IReadOnlyList<BuildpackLayer> Layers, IReadOnlySet<string> Met);

/// <summary>Runs one buildpack's bin/build and reads what it left (buildpack.md §Phase #3: Build).</summary>
internal sealed class BuildpackRun(ISandbox sandbox, PhaseEnvironment environment, EnvironmentVariables variables, IPhaseLog log)
{
    private const int DirectoryMode = 0x1ED; // 0755
    private const int FileMode = 0x1A4; // 0644

    private readonly IFileTree _files = sandbox.Files;
    private readonly Owner _owner = new(environment.User.UserId, environment.User.GroupId);
    private readonly ModuleStore _modules = new(sandbox.Files, environment.BuildpacksDirectory, environment.ExtensionsDirectory);

    // The image's own environment is in the accumulated variables already.
    private readonly ModuleSurroundings _surroundings = new()
    {
        Files = sandbox.Files,
        ImageEnv = [],
        Target = environment.Target,
        ExecEnv = environment.ExecEnv,
        PlatformDirectory = environment.PlatformDirectory,
        BuildConfigDirectory = environment.BuildConfigDirectory,
    };

    public async Task<BuildpackOutput> RunAsync(GroupElement buildpack, BuildPlan plan, CancellationToken cancellationToken)
    {
        var descriptor = _modules.Find(buildpack);
        var layersDirectory = BuildpackLayers.DirectoryOf(environment.LayersDirectory, buildpack);
        _files.CreateDirectory(layersDirectory, DirectoryMode, _owner);
        var requires = ModulePlan.For(plan, buildpack);
        // A directory of its own with a name nobody knew before: the buildpacks before this one could not put a link there for us to write through.
        var planDirectory = $"/tmp/grid-build-{Guid.NewGuid():N}";
        _files.CreateDirectory(planDirectory, DirectoryMode, _owner);
        try
        {
            var planPath = planDirectory + "/plan.toml";
            _files.WriteFile(planPath, Encoding.UTF8.GetBytes(ModulePlan.Write(requires)), FileMode, _owner);
            await RunBuildAsync(buildpack, descriptor, layersDirectory, planPath, cancellationToken);
        }
        finally
        {
            _files.Delete(planDirectory);
        }
        return ReadOutput(buildpack, descriptor, layersDirectory, [.. requires.Select(require => require.Name)]);
    }

    private async Task RunBuildAsync(
        GroupElement buildpack, ModuleDescriptor descriptor, string layersDirectory, string planPath, CancellationToken cancellationToken)
    {
        var module = new RunningModule(ModuleKind.Buildpack, ApiVersion.Parse(buildpack.Api), descriptor.Directory, descriptor.ClearEnv);
        using var span = ModuleSpan.Start(environment, ModuleKind.Buildpack, buildpack.Id, buildpack.Version, "build");
        var process = new ProcessSpec(
            [descriptor.Directory + "/bin/build", layersDirectory, environment.PlatformDirectory, planPath],
            span.AddTo(ModuleEnvironment.ForBuild(_surroundings, module, variables, layersDirectory, planPath)),
            environment.AppDirectory,
            environment.User)
        {
            Output = log,
        };
        log.Debug($"Running build for buildpack {buildpack}");
        var result = await sandbox.RunAsync(process, cancellationToken);
        span.Collect(_files, environment, log);
        if (result.ExitCode != 0)
        {
            var reason = result.OutOfMemory ? ": it needed more memory than it may have" : "";
            throw new LifecycleException(ExitCode.BuildpackBuildFailed, $"buildpack {buildpack}: bin/build failed with exit code {result.ExitCode}{reason}");
        }
    }

    private BuildpackOutput ReadOutput(GroupElement buildpack, ModuleDescriptor descriptor, string layersDirectory, IReadOnlyCollection<string> given)
    {
        var layers = BuildpackLayers.Read(_files, environment.LayersDirectory, buildpack);
        SbomCollector.Collect(_files, environment, buildpack, descriptor.SbomFormats, layers, log);
        SetAside(layers);
        LayerEnv.ApplyBuild(variables, _files, layers.Where(layer => layer.Toml.Build && layer.HasDirectory).Select(layer => layer.Directory));
        var launch = LaunchToml.From(TomlFile.ReadIfExists(_files, layersDirectory + "/launch.toml") ?? new TomlTable(), buildpack);
        var build = BuildToml.From(TomlFile.ReadIfExists(_files, layersDirectory + "/build.toml") ?? new TomlTable(), buildpack, given);
        foreach (var warning in (IEnumerable<string>)[.. launch.Warnings, .. build.Warnings])
            log.Warn($"{buildpack}: {warning}");
        return new BuildpackOutput(launch, build, layers, given.Except(build.Unmet).ToHashSet());
    }

    // A layer that is for nothing must not be found by later buildpacks, but its author may want to look at it.
    private void SetAside(IReadOnlyList<BuildpackLayer> layers)
    {
        foreach (var layer in layers.Where(layer => !layer.Toml.HasTypes && layer.HasDirectory))
        {
            _files.Delete(layer.Directory + ".ignore");
            _files.Rename(layer.Directory, layer.Directory + ".ignore");
        }
    }
}
