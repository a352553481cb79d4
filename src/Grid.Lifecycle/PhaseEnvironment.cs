using Grid.Buildpacks;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle;

/// <summary>What every phase that runs buildpacks or extensions is told: where things are inside the sandbox, as whom and for what to run.</summary>
public sealed record PhaseEnvironment
{
    /// <summary>CNB_PLATFORM_API: which platform.md applies, 0.7 to 0.15.</summary>
    public required string PlatformApi { get; init; }

    /// <summary>Environment of the build image's configuration (<c>NAME=value</c>), before the filter of buildpack.md §Environment.</summary>
    public required IReadOnlyList<string> ImageEnv { get; init; }

    /// <summary>The image's environment with HOME, which a container engine takes from the image's passwd when the image does not set it.</summary>
    public IReadOnlyList<string> EnvIn(IFileTree files) =>
        !HomeFromPasswd || ImageEnv.Any(e => e.StartsWith("HOME=", StringComparison.Ordinal)) ? ImageEnv : [.. ImageEnv, "HOME=" + UserLookup.HomeOf(files, User)];

    /// <summary>Whether HOME comes from passwd when <see cref="ImageEnv"/> has none. Not so where that is the environment of a process that runs already.</summary>
    public bool HomeFromPasswd { get; init; } = true;

    /// <summary>CNB_USER_ID and CNB_GROUP_ID of the builder.</summary>
    public required ProcessUser User { get; init; }

    /// <summary>The run image's target, against which modules are matched.</summary>
    public required Target Target { get; init; }

    /// <summary>CNB_EXEC_ENV.</summary>
    public string ExecEnv { get; init; } = "production";

    /// <summary>
    /// W3C trace context from the platform (RFC 0131 §Context Propagation), which modules are given when this process sends no spans that they could be below; null for none.
    /// </summary>
    public string? PlatformTrace { get; init; }

    public string AppDirectory { get; init; } = "/workspace";

    public string LayersDirectory { get; init; } = "/layers";

    public string PlatformDirectory { get; init; } = "/platform";

    public string BuildpacksDirectory { get; init; } = "/cnb/buildpacks";

    public string ExtensionsDirectory { get; init; } = "/cnb/extensions";

    public string BuildConfigDirectory { get; init; } = "/cnb/build-config";

    /// <summary>Where extensions write; made by the phase.</summary>
    public string GeneratedDirectory { get; init; } = "/layers/generated";
}
