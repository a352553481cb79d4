using Grid.Buildpacks;
using Grid.Buildpacks.Descriptors;
using Grid.Lifecycle;

namespace Grid.Cli.Lifecycle;

/// <summary>A phase as the specification lets platforms call it.</summary>
internal interface IPhaseCommand
{
    /// <summary>The name of its executable in <c>/cnb/lifecycle</c>, such as <c>detector</c>.</summary>
    string Name { get; }

    /// <summary>What it does, for messages: <c>failed to detect: …</c>.</summary>
    string Verb { get; }

    /// <summary>The exit code when files, images or processes fail it in a way that has no code of its own.</summary>
    ExitCode Failure { get; }

    /// <summary>The flags it has with a Platform API, besides those every phase has.</summary>
    IEnumerable<PhaseFlag> Flags(ApiVersion api);

    /// <summary>Runs it; inputs come from the call, everything else from files.</summary>
    /// <exception cref="LifecycleException">It failed; exit code and message are for the platform.</exception>
    Task RunAsync(PhaseInputs inputs, IPhaseLog log, CancellationToken cancellationToken);
}
