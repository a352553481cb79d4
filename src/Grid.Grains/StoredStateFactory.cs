using Orleans.Runtime;

namespace Grid.Grains;

/// <summary>
/// Makes the state of grains, which stays in storage when a grain moves to another silo: the new activation reads it there, as it does after a crash. Orleans
/// would send along what the grain has in memory. That may be ahead of what is stored, another build of Grid may run there, and records of state machines
/// are no messages: they are stored as JSON, and there is no Orleans codec for them.
/// </summary>
internal sealed class StoredStateFactory : IPersistentStateFactory
{
    private readonly PersistentStateFactory _states = new();

    public IPersistentState<TState> Create<TState>(IGrainContext context, IPersistentStateConfiguration configuration)
    {
        var state = _states.Create<TState>(context, configuration);
        if (state is IGrainMigrationParticipant moving)
            context.ObservableLifecycle.RemoveMigrationParticipant(moving);
        return state;
    }
}
