using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Descriptors;

/// <summary>What a module runs for when it does not say so in <c>[[targets]]</c>: from its stacks, else from its executables (buildpack.md §Targets).</summary>
internal static class TargetInference
{
    private const string Bionic = "io.buildpacks.stacks.bionic";

    public static IReadOnlyList<ModuleTarget> Targets(IFileTree files, TomlTable document, ModuleKind kind, ApiVersion api, string directory)
    {
        var given = ModuleTarget.ReadAll(document);
        if (given.Count > 0)
            return given;
        var stacks = document.GetTables("stacks").Select(s => s.GetString("id") ?? "").ToList();
        if (stacks.Contains("*"))
            return [new ModuleTarget("", "")];
        if (stacks.Contains(Bionic) && (api >= new ApiVersion(0, 10) || stacks.Count == 1))
            return [new ModuleTarget("linux", "amd64") { Distros = [new ModuleDistro("ubuntu", "18.04")] }];
        string[] executables = kind == ModuleKind.Buildpack ? ["bin/build"] : ["bin/detect", "bin/generate"];
        return executables.Any(e => files.Stat($"{directory}/{e}") is not null) ? [new ModuleTarget("linux", "")] : [];
    }
}
