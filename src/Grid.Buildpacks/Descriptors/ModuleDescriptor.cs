using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Descriptors;

/// <summary>A buildpack.toml or extension.toml, and where it was found.</summary>
public sealed record ModuleDescriptor(ModuleKind Kind, string Id, string Version, ApiVersion Api)
{
    /// <summary>The module's own directory inside the tree it was read from.</summary>
    public required string Directory { get; init; }

    public string? Name { get; init; }

    public string? Homepage { get; init; }

    /// <summary>Whether <c>&lt;platform&gt;/env</c> is kept out of its environment. The specification has it for buildpacks only, the reference for both.</summary>
    public bool ClearEnv { get; init; }

    /// <summary>Execution environments it is for; empty means all.</summary>
    public IReadOnlyList<string> ExecEnvs { get; init; } = [];

    /// <summary>Media types of the SBOM files it writes.</summary>
    public IReadOnlyList<string> SbomFormats { get; init; } = [];

    /// <summary>What it runs for, given or inferred; empty means anything.</summary>
    public IReadOnlyList<ModuleTarget> Targets { get; init; } = [];

    /// <summary>The groups of a composite buildpack; empty for all others.</summary>
    public IReadOnlyList<OrderGroup> Order { get; init; } = [];

    public bool IsComposite => Order.Count > 0;

    /// <summary>Whether it runs for this target.</summary>
    public bool Supports(Target target) => Targets.Count == 0 || Targets.Any(t => t.Matches(target));

    /// <summary>Whether it takes part in an execution environment (Buildpack API 0.12).</summary>
    public bool RunsIn(string execEnv) => Api < new ApiVersion(0, 12) || ExecEnvList.Admits(ExecEnvs, execEnv);

    /// <summary>Reads the descriptor of a module's directory.</summary>
    /// <exception cref="TomlFormatException">It is malformed, or lacks id or version.</exception>
    /// <exception cref="LifecycleException">Its api is missing or no version (exit code 12).</exception>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static ModuleDescriptor Read(IFileTree files, ModuleKind kind, string directory)
    {
        var section = kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        var document = TomlFile.Read(files, $"{directory}/{section}.toml");
        var table = document.GetTable(section) ?? throw document.Error($"[{section}]", "is missing; add the table with id and version");
        var apiText = document.GetString("api");
        if (!ApiVersion.TryParse(apiText, out var api))
        {
            throw new LifecycleException(ExitCode.IncompatibleBuildpackApi,
                document.Error("api", apiText is null ? "is missing; want MAJOR.MINOR such as \"0.12\"" : $"want MAJOR.MINOR such as \"0.12\", not \"{apiText}\"").Message);
        }
        var order = kind == ModuleKind.Buildpack ? OrderReader.Groups(document, "order", ModuleKind.Buildpack) : [];
        return new ModuleDescriptor(kind, table.RequireString("id"), table.RequireString("version"), api)
        {
            Directory = directory,
            Name = table.GetString("name"),
            Homepage = table.GetString("homepage"),
            ClearEnv = table.GetBoolean("clear-env"),
            ExecEnvs = ExecEnvList.Read(table),
            SbomFormats = table.GetStrings("sbom-formats"),
            Order = order,
            Targets = order.Count > 0 ? [] : TargetInference.Targets(files, document, kind, api, directory),
        };
    }
}
