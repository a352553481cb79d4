using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Environment;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Detect;

/// <summary>What detect and generate derive from the phase's environment.</summary>
internal static class SurroundingsOfPhase
{
    extension(PhaseEnvironment environment)
    {
        /// <summary>The Platform API as a number.</summary>
        public ApiVersion Api => ApiVersion.Parse(environment.PlatformApi);

        public ModuleSurroundings ToSurroundings(IFileTree files) => new()
        {
            Files = files,
            ImageEnv = environment.EnvIn(files),
            Target = environment.Target,
            ExecEnv = environment.ExecEnv,
            PlatformDirectory = environment.PlatformDirectory,
            BuildConfigDirectory = environment.BuildConfigDirectory,
        };

        public ModuleStore ToModuleStore(IFileTree files) => new(files, environment.BuildpacksDirectory, environment.ExtensionsDirectory);
    }
}
