using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Build;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Environment;
using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Telemetry;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Build;

/// <summary>The build phase (platform.md §builder): runs each buildpack of the group, one after another, in the build image's sandbox.</summary>
public static class BuildPhase
{
    private const int DirectoryMode = 0x1ED; // 0755

    /// <summary>Runs the buildpacks. Their layers stay in the sandbox's layers directory, to be packed.</summary>
    /// <exception cref="LifecycleException">Exit code 51: a bin/build failed; 52: anything else. Both name the buildpack.</exception>
    public static async Task<BuildMetadata> RunAsync(ISandbox sandbox, BuildInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        var environment = input.Environment;
        if (environment.User.UserId == 0)
            throw new LifecycleException(ExitCode.BuildError, "buildpacks must not run as root; the builder must set CNB_USER_ID to another user");
        var files = sandbox.Files;
        var owner = new Owner(environment.User.UserId, environment.User.GroupId);
        try
        {
            files.CreateDirectory(environment.LayersDirectory, DirectoryMode, owner);
            files.Delete(environment.LayersDirectory + "/sbom");
            if (ModuleSpan.IsTraced(environment))
                TracingDirectory.Prepare(files, environment);
            var metadata = await RunBuildpacksAsync(sandbox, input, log, cancellationToken);
            WriteMetadata(files, environment, metadata);
            return metadata;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TomlFormatException or FormatException)
        {
            throw new LifecycleException(ExitCode.BuildError, e.Message, e);
        }
    }

    private static async Task<BuildMetadata> RunBuildpacksAsync(
        ISandbox sandbox, BuildInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        var variables = ModuleEnvironment.Base(input.Environment.EnvIn(sandbox.Files), input.ExtraEnvNames.ToHashSet());
        var run = new BuildpackRun(sandbox, input.Environment, variables, log);
        var aggregate = new LaunchAggregate();
        var labels = new List<LaunchLabel>();
        var slices = new List<LaunchSlice>();
        var bom = (Launch: new List<BillOfMaterialsEntry>(), Build: new List<BillOfMaterialsEntry>());
        var plan = input.Plan;
        foreach (var buildpack in input.Group.Buildpacks)
        {
            var output = await run.RunAsync(buildpack, plan, cancellationToken);
            plan = ModulePlan.Without(plan, output.Met);
            foreach (var warning in aggregate.Add(output.Launch.Processes))
                log.Warn(warning);
            labels.AddRange(output.Launch.Labels);
            slices.AddRange(output.Launch.Slices);
            bom.Launch.AddRange(output.Launch.Bom);
            bom.Build.AddRange(output.Build.Bom);
        }
        if (!input.Environment.PlatformApi.IsBelow("0.9"))
        {
            SbomCollector.WriteLegacy(sandbox.Files, input.Environment, "launch", bom.Launch);
            SbomCollector.WriteLegacy(sandbox.Files, input.Environment, "build", bom.Build);
        }
        return new BuildMetadata
        {
            Buildpacks = input.Group.Buildpacks,
            Extensions = input.Group.Extensions,
            Labels = labels,
            Processes = aggregate.Processes,
            Slices = slices,
            DefaultProcessType = aggregate.DefaultType,
            Bom = bom.Launch,
        };
    }

    // For people and tools that look into the layers directory; export packs what is returned, not this file.
    private static void WriteMetadata(IFileTree files, PhaseEnvironment environment, BuildMetadata metadata)
    {
        using var file = OutputDirectory.CreateFile(files, environment, "config/metadata.toml");
        file.Write(Encoding.UTF8.GetBytes(MetadataToml.Write(metadata, environment.PlatformApi)));
    }
}
