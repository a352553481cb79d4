using Grid.Buildpacks.Descriptors;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Environment;

/// <summary>What the environment of every module run in a build depends on.</summary>
public sealed record ModuleSurroundings
{
    /// <summary>The tree that <see cref="PlatformDirectory"/> and <see cref="BuildConfigDirectory"/> are in.</summary>
    public required IFileTree Files { get; init; }

    /// <summary>Environment of the build image (<c>NAME=value</c>); only the names of buildpack.md §"Provided by the Lifecycle" pass.</summary>
    public required IReadOnlyList<string> ImageEnv { get; init; }

    public required Target Target { get; init; }

    /// <summary>CNB_EXEC_ENV; not passed when empty.</summary>
    public string ExecEnv { get; init; } = "";

    public string PlatformDirectory { get; init; } = "/platform";

    public string BuildConfigDirectory { get; init; } = "/cnb/build-config";

    /// <summary>
    /// Names that pass the filter besides the fixed ones: those that Dockerfiles set by ENV, when the operator wants buildpacks to see them (row 17).
    /// </summary>
    public IReadOnlySet<string> ExtraNames { get; init; } = new HashSet<string>();
}

/// <summary>The module that is run.</summary>
/// <param name="Kind">Buildpack or extension.</param>
/// <param name="Api">Its Buildpack API.</param>
/// <param name="Directory">Where it is inside the sandbox.</param>
/// <param name="ClearEnv">Whether <c>&lt;platform&gt;/env</c> is kept from it (buildpack.toml clear-env).</param>
public sealed record RunningModule(ModuleKind Kind, ApiVersion Api, string Directory, bool ClearEnv);

/// <summary>
/// The environments of bin/detect, bin/generate and bin/build: what passes of the image's own, the user's (<c>&lt;platform&gt;/env</c>), the operator's
/// (<c>/cnb/build-config/env</c>, which has the last word), then the lifecycle's variables (spec-facts §1.6, §2.1, §5.1).
/// </summary>
public static class ModuleEnvironment
{
    private static readonly HashSet<string> PassedNames =
    [
        "CNB_STACK_ID", "HOSTNAME", "HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
        "PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH",
    ];

    /// <summary>What of the image's environment modules see; the build environment starts with it and grows with each buildpack's layers.</summary>
    public static EnvironmentVariables Base(IEnumerable<string> imageEnv, IReadOnlySet<string>? extraNames = null)
    {
        var variables = EnvironmentVariables.Parse(imageEnv);
        foreach (var name in variables.Names.ToList())
        {
            if (!PassedNames.Contains(name) && extraNames?.Contains(name) != true)
                variables.Remove(name);
        }
        return variables;
    }

    /// <summary>For <c>bin/detect</c>.</summary>
    public static IReadOnlyList<string> ForDetect(ModuleSurroundings surroundings, RunningModule module, string planPath)
    {
        var variables = Begin(surroundings, module, Base(surroundings.ImageEnv, surroundings.ExtraNames));
        if (module.Api >= new ApiVersion(0, 8))
        {
            variables["CNB_PLATFORM_DIR"] = surroundings.PlatformDirectory;
            variables["CNB_BUILD_PLAN_PATH"] = planPath;
        }
        AddTarget(variables, surroundings, module);
        return variables.ToList();
    }

    /// <summary>For <c>bin/generate</c>. CNB_EXEC_ENV is passed as the specification has it; the reference forgets it.</summary>
    public static IReadOnlyList<string> ForGenerate(ModuleSurroundings surroundings, RunningModule module, string outputDirectory, string planPath)
    {
        var variables = Begin(surroundings, module, Base(surroundings.ImageEnv, surroundings.ExtraNames));
        variables["CNB_OUTPUT_DIR"] = outputDirectory;
        variables["CNB_PLATFORM_DIR"] = surroundings.PlatformDirectory;
        variables["CNB_BP_PLAN_PATH"] = planPath;
        AddTarget(variables, surroundings, module);
        return variables.ToList();
    }

    /// <summary>For <c>bin/build</c>.</summary>
    /// <param name="surroundings">What holds for the whole build.</param>
    /// <param name="module">The buildpack.</param>
    /// <param name="accumulated"><see cref="Base"/> with what <see cref="LayerEnv.ApplyBuild"/> added for earlier buildpacks; not changed.</param>
    /// <param name="layersDirectory">The buildpack's own directory for layers.</param>
    /// <param name="planPath">Its plan.</param>
    public static IReadOnlyList<string> ForBuild(
        ModuleSurroundings surroundings, RunningModule module, EnvironmentVariables accumulated, string layersDirectory, string planPath)
    {
        var variables = Begin(surroundings, module, new EnvironmentVariables(accumulated));
        if (module.Api >= new ApiVersion(0, 8))
        {
            variables["CNB_PLATFORM_DIR"] = surroundings.PlatformDirectory;
            variables["CNB_BP_PLAN_PATH"] = planPath;
            variables["CNB_LAYERS_DIR"] = layersDirectory;
        }
        AddTarget(variables, surroundings, module);
        return variables.ToList();
    }

    private static EnvironmentVariables Begin(ModuleSurroundings surroundings, RunningModule module, EnvironmentVariables variables)
    {
        if (!module.ClearEnv)
            EnvFiles.ApplyUserValues(variables, surroundings.Files, surroundings.PlatformDirectory + "/env");
        EnvFiles.ApplyActions(variables, surroundings.Files, surroundings.BuildConfigDirectory + "/env", UnsuffixedAction.Default);
        variables[module.Kind == ModuleKind.Buildpack ? "CNB_BUILDPACK_DIR" : "CNB_EXTENSION_DIR"] = module.Directory;
        return variables;
    }

    private static void AddTarget(EnvironmentVariables variables, ModuleSurroundings surroundings, RunningModule module)
    {
        if (module.Api >= new ApiVersion(0, 10))
        {
            variables["CNB_TARGET_OS"] = surroundings.Target.Os;
            variables["CNB_TARGET_ARCH"] = surroundings.Target.Arch;
            SetIfKnown(variables, "CNB_TARGET_ARCH_VARIANT", surroundings.Target.Variant);
            SetIfKnown(variables, "CNB_TARGET_DISTRO_NAME", surroundings.Target.DistroName);
            SetIfKnown(variables, "CNB_TARGET_DISTRO_VERSION", surroundings.Target.DistroVersion);
        }
        if (module.Api >= new ApiVersion(0, 12))
            SetIfKnown(variables, "CNB_EXEC_ENV", surroundings.ExecEnv);
    }

    private static void SetIfKnown(EnvironmentVariables variables, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            variables[name] = value;
    }
}
