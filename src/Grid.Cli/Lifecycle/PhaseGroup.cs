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
        CheckApis(group.Buildpacks, path);
        return group;
    }

    /// <summary>Looks at the APIs of modules.</summary>
    /// <exception cref="LifecycleException">Exit code 12: one is not supported.</exception>
    public static void CheckApis(IEnumerable<GroupElement> modules, string path)
    {
        foreach (var module in modules)
        {
            var kind = module.Kind == ModuleKind.Buildpack ? "buildpack" : "extension";
            if (!ApiVersion.TryParse(module.Api, out var api))
                throw new LifecycleException(ExitCode.IncompatibleBuildpackApi, $"{kind} '{module}' has the API '{module.Api}' in {path}; want MAJOR.MINOR");
            if (!api.IsSupportedBuildpack)
                throw new LifecycleException(ExitCode.IncompatibleBuildpackApi, $"buildpack API version '{api}' of {kind} '{module}' is incompatible with the lifecycle");
        }
    }
}
