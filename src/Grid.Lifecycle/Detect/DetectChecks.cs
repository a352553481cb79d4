using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;

namespace Grid.Lifecycle.Detect;

/// <summary>What is checked before anything runs.</summary>
internal static class DetectChecks
{
    public static void Check(DetectInput input, IPhaseLog log)
    {
        var environment = input.Environment;
        if (!ApiVersion.TryParse(environment.PlatformApi, out var api) || !api.IsSupportedPlatform)
        {
            var (first, last) = ApiVersion.SupportedPlatform;
            throw new LifecycleException(ExitCode.IncompatiblePlatformApi, $"Platform API '{environment.PlatformApi}' is not supported; set CNB_PLATFORM_API to {first} to {last}");
        }
        if (environment.User.UserId == 0)
            throw new LifecycleException(ExitCode.Failed, "buildpacks must not run as root; set CNB_USER_ID of the builder to another user");
        if (environment.ExecEnv.Contains('/'))
            throw new LifecycleException(ExitCode.Failed, $"the execution environment '{environment.ExecEnv}' has a '/', which is reserved; set CNB_EXEC_ENV to a name such as production or test");
        if (input.Order.OrderExtensions.Count > 0)
            CheckExtensions(input.ExperimentalMode, api, log);
    }

    private static void CheckExtensions(ExperimentalMode mode, ApiVersion api, IPhaseLog log)
    {
        if (api < new ApiVersion(0, 10))
            throw new LifecycleException(ExitCode.Failed, $"the order has extensions, which Platform API {api} does not know; use 0.13 or later");
        if (api >= new ApiVersion(0, 13))
            return;
        const string Requested = "Platform requested experimental feature 'Dockerfiles'";
        if (mode == ExperimentalMode.Error)
            throw new LifecycleException(ExitCode.Failed, $"{Requested}, which is disabled by CNB_EXPERIMENTAL_MODE=error; set it to warn, or use Platform API 0.13");
        if (mode == ExperimentalMode.Warn)
            log.Warn(Requested);
    }
}
