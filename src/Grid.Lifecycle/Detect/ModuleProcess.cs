using Grid.Buildpacks;
using Grid.Buildpacks.Build;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Metadata;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Detect;

/// <summary>What detect and generate of all modules have in common: their environment and a place for their files.</summary>
internal sealed class ModuleProcess(IFileTree files, PhaseEnvironment environment)
{
    private const int Private = 0b111_000_000;

    /// <summary>The environment of a module's process (spec-facts §1.6, §2.1).</summary>
    /// <param name="module">The module.</param>
    /// <param name="own">Variables of this process alone.</param>
    public IReadOnlyList<string> Variables(ModuleDescriptor module, params IEnumerable<(string Name, string? Value)> own) =>
        new BuildEnvironment(environment.ImageEnv, []).For(
            files, module.ClearEnv ? null : environment.PlatformDirectory, environment.BuildConfigDirectory, [.. Common(module), .. own]);

    /// <summary>A new directory of the user for files that are passed to processes; the caller removes it.</summary>
    public string NewDirectory(string name)
    {
        var path = $"/tmp/grid-{name}-{Guid.NewGuid():N}";
        files.CreateDirectory("/tmp", 0b001_111_111_111);
        files.CreateDirectory(path, Private, Owner);
        return path;
    }

    public Owner Owner { get; } = new(environment.User.UserId, environment.User.GroupId);

    private IEnumerable<(string, string?)> Common(ModuleDescriptor module)
    {
        yield return (module.Kind == ModuleKind.Buildpack ? "CNB_BUILDPACK_DIR" : "CNB_EXTENSION_DIR", module.Directory);
        if (!module.Api.IsBelow("0.8"))
            yield return ("CNB_PLATFORM_DIR", environment.PlatformDirectory);
        if (!module.Api.IsBelow("0.10"))
        {
            yield return ("CNB_TARGET_OS", environment.Target.Os);
            yield return ("CNB_TARGET_ARCH", environment.Target.Arch);
            yield return ("CNB_TARGET_ARCH_VARIANT", environment.Target.Variant);
            yield return ("CNB_TARGET_DISTRO_NAME", environment.Target.DistroName);
            yield return ("CNB_TARGET_DISTRO_VERSION", environment.Target.DistroVersion);
        }
        if (!module.Api.IsBelow("0.12") && !environment.PlatformApi.IsBelow("0.15"))
            yield return ("CNB_EXEC_ENV", environment.ExecEnv);
    }
}
