using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Toml;
using Grid.Cli.Commands;
using Grid.Hosting.Telemetry;
using Grid.Lifecycle;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Cli.Lifecycle;

/// <summary>From a command line to an exit code: what all phases have in common (platform.md §Usage).</summary>
internal static class PhaseRunner
{
    /// <summary>Runs a phase. The Platform API is looked at before anything else, then flags, then the phase.</summary>
    /// <param name="phase">What to run.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<int> RunAsync(IPhaseCommand phase, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var log = PhaseConsole.Standard(PhaseLogLevel.Info, noColor: true);
        try
        {
            var api = ReadApi(Environment.GetEnvironmentVariable("CNB_PLATFORM_API"));
            PhaseFlag[] flags = [.. phase.Flags(api), PhaseFlags.LogLevel, PhaseFlags.NoColor, PhaseFlags.Version];
            if (arguments is ["-h" or "-help" or "--help" or "--h", ..])
                return Usage(phase, flags, Console.Out);
            var inputs = ParseFlags(phase, flags, api, arguments);
            if (inputs.Get(PhaseFlags.Version))
            {
                log.Info(PhaseVersion.Text);
                return (int)ExitCode.Success;
            }
            var level = PhaseConsole.LevelOf(inputs.Get(PhaseFlags.LogLevel))
                ?? throw new LifecycleException(ExitCode.Failed, $"failed to parse log level: '{inputs.Get(PhaseFlags.LogLevel)}'; want debug, info, warn or error");
            log = PhaseConsole.Standard(level, inputs.Get(PhaseFlags.NoColor));
            WarnOfMisplacedFlags(inputs, log);
            log.Debug($"Starting {phase.Name}...");
            await RunTracedAsync(phase, inputs, log, cancellationToken);
            return (int)ExitCode.Success;
        }
        catch (LifecycleException failure)
        {
            log.Error(failure.Message.StartsWith("failed to ", StringComparison.Ordinal) ? failure.Message : $"failed to {phase.Verb}: {failure.Message}");
            return (int)failure.ExitCode;
        }
        catch (OperationCanceledException)
        {
            log.Error($"failed to {phase.Verb}: interrupted");
            return UserError.Interrupted;
        }
        catch (Exception failure) when (failure is TomlFormatException or FormatException or InvalidDataException or IOException or UnauthorizedAccessException
            or ImageAccessException or ImageFormatException or SandboxException or NotSupportedException)
        {
            log.Error($"failed to {phase.Verb}: {failure.Message}");
            return (int)phase.Failure;
        }
    }

    /// <summary>The platform's trace context for this build; null for none, or for something else.</summary>
    internal static string? PlatformTrace => Environment.GetEnvironmentVariable("CNB_OTEL_TRACEPARENT") is { } context && ActivityContext.TryParse(context, null, out _) ? context : null;

    /// <summary>With the phase's span in the platform's trace, where spans are sent (RFC 0131 §Context Propagation).</summary>
    private static async Task RunTracedAsync(IPhaseCommand phase, PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken)
    {
        using var trace = CommandTrace.Start(phase.Verb, ActivityKind.Internal, PlatformTrace);
        try
        {
            await phase.RunAsync(inputs, log, cancellationToken);
            trace.End((int)ExitCode.Success);
        }
        catch (LifecycleException failure)
        {
            trace.End((int)failure.ExitCode);
            throw;
        }
    }

    /// <summary>The Platform API a variable names.</summary>
    /// <exception cref="LifecycleException">Exit code 11: it is not set, not a version or not supported.</exception>
    internal static ApiVersion ReadApi(string? variable)
    {
        var text = variable?.Trim();
        var (first, last) = ApiVersion.SupportedPlatform;
        if (string.IsNullOrEmpty(text))
            throw new LifecycleException(ExitCode.IncompatiblePlatformApi, "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version");
        if (!ApiVersion.TryParse(text, out var api))
            throw new LifecycleException(ExitCode.IncompatiblePlatformApi, $"failed to parse platform API '{text}'; want MAJOR.MINOR such as {last}");
        return api.IsSupportedPlatform ? api
            : throw new LifecycleException(ExitCode.IncompatiblePlatformApi, $"failed to set platform API: platform API version '{text}' is incompatible with the lifecycle; supported are {first} to {last}");
    }

    private static PhaseInputs ParseFlags(IPhaseCommand phase, IEnumerable<PhaseFlag> flags, ApiVersion api, IReadOnlyList<string> arguments)
    {
        try
        {
            return PhaseInputs.Parse(flags, api, arguments, Environment.GetEnvironmentVariable, Environment.CurrentDirectory);
        }
        catch (LifecycleException wrong)
        {
            throw new LifecycleException(wrong.ExitCode, $"failed to parse flags: {wrong.Message}; '{phase.Name} -help' lists the flags of Platform API {api}", wrong);
        }
    }

    private static void WarnOfMisplacedFlags(PhaseInputs inputs, IPhaseLog log)
    {
        foreach (var argument in inputs.Arguments.Where(a => a.StartsWith('-')))
            log.Warn($"unconsumed flag-like positional arg: \n\t{argument}\n\t This will not be interpreted as a flag.\n\t Did you mean to put this before the first positional argument?");
    }

    private static int Usage(IPhaseCommand phase, IEnumerable<PhaseFlag> flags, TextWriter writer)
    {
        writer.WriteLine($"Usage of {phase.Name}:");
        foreach (var flag in flags.OrderBy(f => f.Name, StringComparer.Ordinal))
            writer.WriteLine($"  {flag}\n    \t{flag.Help}{(flag.Variable is null ? "" : $" ({flag.Variable})")}");
        return (int)ExitCode.Success;
    }
}
