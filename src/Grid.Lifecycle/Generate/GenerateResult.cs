using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Dockerfiles.Planning;

namespace Grid.Lifecycle.Generate;

/// <summary>What generate needs.</summary>
/// <param name="Environment">Where things are, as whom and for what to run.</param>
/// <param name="Group">From detect.</param>
/// <param name="Plan">From detect.</param>
/// <param name="RunImageName">Name of the run image analyzed, as the user or the builder wrote it.</param>
/// <param name="Known">The run images of the builder; a switch to another is worth a warning. Null when it does not say.</param>
public sealed record GenerateInput(PhaseEnvironment Environment, Group Group, BuildPlan Plan, string RunImageName, RunImages? Known = null);

/// <summary>What extensions made.</summary>
public sealed record GenerateResult
{
    /// <summary>The plan without what extensions provide; buildpacks get this one.</summary>
    public required BuildPlan Plan { get; init; }

    /// <summary>Each extension of the group, in order.</summary>
    public required IReadOnlyList<GeneratedExtension> Extensions { get; init; }

    /// <summary>The run image to use in place of the one analyzed, as the Dockerfile names it; its target is not known. Null keeps the one analyzed.</summary>
    public string? SwitchedRunImage { get; init; }

    /// <summary>Whether the run image is extended.</summary>
    public bool ExtendsRun { get; init; }
}

/// <summary>What one extension made; either Dockerfile may be missing.</summary>
public sealed record GeneratedExtension(string Id, string Version)
{
    public GeneratedDockerfile? Build { get; init; }

    public GeneratedDockerfile? Run { get; init; }
}

/// <summary>A valid Dockerfile of an extension.</summary>
/// <param name="Text">The file.</param>
/// <param name="Args">Values from extend-config.toml, in file order.</param>
public sealed record GeneratedDockerfile(string Text, IReadOnlyList<BuildArg> Args)
{
    /// <summary>The build context inside the sandbox's tree; null means the app.</summary>
    public string? ContextDirectory { get; init; }

    /// <summary>Whether a later extension switched the run image, so that this one is not applied.</summary>
    public bool Ignored { get; init; }

    /// <summary>What the author should change.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
