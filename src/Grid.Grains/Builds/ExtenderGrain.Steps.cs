using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Grains.Machines;
using Grid.Oci.Images;

namespace Grid.Grains.Builds;

/// <summary>What became of the steps, for who looks at a build. It is stored with what is stored anyway.</summary>
public sealed partial class ExtenderGrain
{
    public Task<StepStatus[]> GetStepsAsync() => Task.FromResult(State.Steps.ToArray());

    /// <summary>The step runs now, or another build runs it.</summary>
    private void NoteBegin(ChainStep step, StepMiss? miss)
    {
        var known = State.Steps.Find(s => s.Step.Number == step.Name.Number);
        Note(new StepStatus { Step = step.Name, State = State.Waiting ? PhaseState.Waiting : PhaseState.Running, StartedAt = known?.StartedAt ?? time.GetUtcNow(), Miss = miss ?? known?.Miss });
    }

    private void NoteResult(ChainStep step, Layer? layer, StepSource source)
    {
        var known = State.Steps.Find(s => s.Step.Number == step.Name.Number) ?? new StepStatus { Step = step.Name, State = PhaseState.Done };
        Note(known with { State = PhaseState.Done, Source = source, FinishedAt = time.GetUtcNow(), DiffId = layer?.DiffId.ToString(), Size = layer?.Blob.Size ?? 0 });
    }

    /// <summary>The step that the chain stopped at did not get a result.</summary>
    private void NoteEnd(ExtensionOutcome outcome)
    {
        if (State.Steps is [.., { State: not PhaseState.Done } last])
            Note(last with { State = outcome.Failure is null ? PhaseState.Cancelled : PhaseState.Failed, FinishedAt = time.GetUtcNow() });
    }

    private void Note(StepStatus status)
    {
        var at = State.Steps.FindIndex(s => s.Step.Number == status.Step.Number);
        if (at < 0)
            State.Steps.Add(status);
        else
            State.Steps[at] = status;
    }
}
