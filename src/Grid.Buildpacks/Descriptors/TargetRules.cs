using Grid.Buildpacks.Metadata;

namespace Grid.Buildpacks.Descriptors;

/// <summary>Which modules fit which run image (spec-facts §1.4).</summary>
public static class TargetRules
{
    private const string Bionic = "io.buildpacks.stacks.bionic";

    /// <summary>Whether a module fits: any of its targets matches, or it names none.</summary>
    public static bool Fits(this ModuleDescriptor module, Target target) => module.Targets.Count == 0 || module.Targets.Any(t => Fits(t, target));

    /// <summary>The declared targets, or those that follow from stacks and files.</summary>
    internal static IReadOnlyList<ModuleTarget> OrInferred(
        IReadOnlyList<ModuleTarget> declared, IReadOnlyList<ModuleStack> stacks, string api, bool hasExecutables)
    {
        if (declared.Count > 0)
            return declared;
        if (stacks.Any(s => s.Id == "*"))
            return [new ModuleTarget("", "", "", [])];
        if (stacks.Any(s => s.Id == Bionic) && (stacks.Count == 1 || !api.IsBelow("0.10")))
            return [new ModuleTarget("linux", "amd64", "", [new ModuleDistro("ubuntu", "18.04")])];
        return hasExecutables ? [new ModuleTarget("linux", "", "", [])] : [];
    }

    private static bool Fits(ModuleTarget module, Target target) =>
        Same(module.Os, target.Os) && Same(module.Arch, target.Arch) && Same(module.Variant, target.Variant)
            && (module.Distros.Count == 0 || module.Distros.Any(d => Same(d.Name, target.DistroName) && Same(d.Version, target.DistroVersion)));

    private static bool Same(string module, string? target) => module.Length == 0 || string.IsNullOrEmpty(target) || module == target;
}
