using Grid.Buildpacks;
using Grid.Buildpacks.Generate;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;

namespace Grid.Lifecycle.Generate;

/// <summary>What one extension wrote, read and checked.</summary>
internal sealed record ExtensionOutput(GroupElement Extension, string Directory)
{
    public ExtensionDockerfile? Build { get; init; }

    public string BuildText { get; init; } = "";

    public ExtensionDockerfile? Run { get; init; }

    public string RunText { get; init; } = "";

    public ExtendConfig Config { get; init; } = ExtendConfig.Empty;

    /// <summary>extend-config.toml as it stands; null when there is none.</summary>
    public string? ConfigText { get; init; }

    public IReadOnlyList<string> OtherWarnings { get; init; } = [];

    public ContextDirectories Contexts { get; init; } = new(null, null);

    public IEnumerable<string> Warnings => [.. Run?.Warnings ?? [], .. Build?.Warnings ?? [], .. OtherWarnings];

    public GeneratedExtension ToGenerated(bool ignoreRun) => new(Extension.Id, Extension.Version)
    {
        Build = Build is null ? null : new GeneratedDockerfile(BuildText, Args(Config.BuildArgs))
        {
            ContextDirectory = Contexts.Build,
            Warnings = Build.Warnings,
        },
        Run = Run is null ? null : new GeneratedDockerfile(RunText, Args(Config.RunArgs))
        {
            ContextDirectory = Contexts.Run,
            Ignored = ignoreRun,
            Warnings = Run.Warnings,
        },
    };

    private static IReadOnlyList<BuildArg> Args(IReadOnlyList<ExtendArg> args) => [.. args.Select(a => new BuildArg(a.Name, a.Value))];
}
