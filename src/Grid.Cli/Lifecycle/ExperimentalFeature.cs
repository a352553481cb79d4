using Grid.Buildpacks;
using Grid.Lifecycle;

namespace Grid.Cli.Lifecycle;

/// <summary>Features a platform has to ask for (platform.md §Experimental Features).</summary>
internal static class ExperimentalFeature
{
    /// <summary>Refuses the feature, warns of it or says nothing, as CNB_EXPERIMENTAL_MODE wants.</summary>
    /// <exception cref="LifecycleException">Exit code 1: it is refused, which is the default.</exception>
    public static void Require(PhaseInputs inputs, string feature, IPhaseLog log)
    {
        switch (inputs.Variable("CNB_EXPERIMENTAL_MODE"))
        {
            case "quiet" or "silent":
                break;
            case null or "error":
                log.Error($"Platform requested experimental feature '{feature}'");
                throw new LifecycleException(ExitCode.Failed, "experimental features are disabled by CNB_EXPERIMENTAL_MODE=error");
            default:
                log.Warn($"Platform requested experimental feature '{feature}'");
                break;
        }
    }
}
