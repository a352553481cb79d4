using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>What lets a container outlive this process.</summary>
/// <param name="directory">The process's directory.</param>
/// <param name="group">The sandbox's control group.</param>
/// <param name="orphanTime">How long it goes on without an owner.</param>
/// <param name="network">What must stay open for its network to live; null when it has none of its own.</param>
internal sealed class ContainerSurvival(string directory, string group, TimeSpan orphanTime, SafeFileHandle? network) : IDisposable
{
    public OutputSpool Spool { get; } = new(directory);

    /// <summary>Starts the runtime under a supervisor.</summary>
    public ChildProcess Start(IReadOnlyList<string> runtime) => Supervisor.Start(runtime, RuntimeEngine.Environment, directory, group, orphanTime, network);

    public void Dispose() => Spool.Dispose();
}
