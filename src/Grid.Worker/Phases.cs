using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Oci.Images;

namespace Grid.Worker;

/// <summary>What all phases of a build are told alike.</summary>
internal static class Phases
{
    /// <summary>The platform API this platform speaks.</summary>
    public const string PlatformApi = "0.15";

    /// <summary>The environment of phases that run in an image of this configuration.</summary>
    public static PhaseEnvironment Environment(AnalyzeResult analyzed, ImageConfig image) => new()
    {
        PlatformApi = PlatformApi,
        ImageEnv = image.Config.Env ?? [],
        User = analyzed.User,
        Target = analyzed.Target,
    };
}
