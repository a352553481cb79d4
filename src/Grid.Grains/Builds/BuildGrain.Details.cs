using Grid.Contracts.Builds;
using Grid.Grains.Machines;

namespace Grid.Grains.Builds;

/// <summary>What a build tells of itself beyond where it stands.</summary>
public sealed partial class BuildGrain
{
    public Task<BuildDetails?> GetDetailsAsync() => Task.FromResult(State.Request is null ? null : BuildAnswers.DetailsOf(State));

    /// <summary>Stored with the decision itself.</summary>
    private void NoteTimes(BuildProgress before, BuildProgress after)
    {
        var now = time.GetUtcNow();
        var times = State.Times.Length > 0 ? State.Times.ToArray() : [.. Enum.GetValues<Phase>().Select(_ => new PhaseTime(null, null))];
        foreach (var phase in Enum.GetValues<Phase>().Where(p => before[p] != after[p]))
        {
            if (after[phase] == PhaseState.Running)
                times[(int)phase] = new PhaseTime(times[(int)phase].StartedAt ?? now, null);
            else if (before[phase] == PhaseState.Running && after[phase] != PhaseState.Waiting)
                times[(int)phase] = times[(int)phase] with { FinishedAt = now };
        }
        State.Times = times;
    }
}
