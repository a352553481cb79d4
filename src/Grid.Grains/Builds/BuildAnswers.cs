using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Grains.Machines;

namespace Grid.Grains.Builds;

/// <summary>What others are told of a build.</summary>
internal static class BuildAnswers
{
    /// <summary>Where it stands.</summary>
    public static BuildStatus StatusOf(string key, BuildGrainState state) => new()
    {
        BuildKey = key,
        State = state.Progress.State,
        Failure = state.Progress.Failure ?? (state.Progress.State == BuildState.Cancelled ? new Failure((int)ExitCode.Failed, $"cancelled: {state.Progress.CancelReason}") : null),
        Image = state.Progress.State == BuildState.Succeeded ? state.Image : null,
        BuildId = state.BuildId,
        Phases = [.. state.Progress.Phases],
        FinishedAt = state.FinishedAt,
    };

    /// <summary>The exit code of the whole, which the specification gives for the phase that failed.</summary>
    public static int ExitCodeOf(BuildProgress progress) =>
        progress.State == BuildState.Succeeded ? 0 : progress.Failure?.ExitCode ?? (int)ExitCode.Failed;
}
