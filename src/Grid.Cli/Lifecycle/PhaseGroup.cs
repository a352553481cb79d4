using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Detect;

namespace Grid.Cli.Lifecycle;

/// <summary>group.toml as phases after the detector read it.</summary>
internal static class PhaseGroup
{
    /// <summary>Reads the group and looks at the APIs of its buildpacks.</summary>
    /// <exception cref="LifecycleException">Exit code 12: a buildpack's API is not supported. Exit code 1: there is no file.</exception>
    public static Group Read(PhaseInputs inputs)
    {
        var path = inputs.Get(PhaseFlags.Group);
        if (!File.Exists(path))
            throw new LifecycleException(ExitCode.Failed, $"failed to read group file: there is no {path}; run the detector first");
        var group = GroupFiles.ReadGroup(InPlace.Files, path);
        foreach (var buildpack in group.Buildpacks)
        {
            if (!ApiVersion.TryParse(buildpack.Api, out var api))
                throw new LifecycleException(ExitCode.IncompatibleBuildpackApi, $"buildpack '{buildpack}' has the API '{buildpack.Api}' in {path}; want MAJOR.MINOR");
            if (!api.IsSupportedBuildpack)
                throw new LifecycleException(ExitCode.IncompatibleBuildpackApi, $"buildpack API version '{api}' of '{buildpack}' is incompatible with the lifecycle");
        }
        return group;
    }
}
