using Grid.Contracts.Builds;
using Microsoft.Extensions.Logging;

namespace Grid.Grains.Builds;

public sealed partial class BuildGrain
{
    [LoggerMessage(1, LogLevel.Information, "build {Build} is accepted")]
    private partial void LogAccepted(string build);

    [LoggerMessage(2, LogLevel.Information, "build {Build} has ended: {State}")]
    private partial void LogEnded(string build, BuildState state);
}
