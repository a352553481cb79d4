using Orleans.Runtime;

namespace Grid.Grains;

/// <summary>Writing what a grain remembers.</summary>
internal static class SavedState
{
    /// <summary>
    /// Writes the state. When that fails the activation goes: what it has in memory is not what is stored, or nobody knows, and no later call may be
    /// answered from it. Who asks again meets what is stored.
    /// </summary>
    public static async Task SaveAsync<T>(this IGrainBase grain, IPersistentState<T> state, CancellationToken cancellationToken = default)
    {
        try
        {
            await state.WriteStateAsync(cancellationToken);
        }
        catch
        {
            grain.DeactivateOnIdle();
            throw;
        }
    }

    /// <summary>Writes the state. When that fails, what is stored counts again, without an end of the activation and its timers; when that cannot be read either, the activation goes.</summary>
    public static async Task SaveOrReadAsync<T>(this IGrainBase grain, IPersistentState<T> state)
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            await grain.ReadAgainAsync(state);
            throw;
        }
    }

    /// <summary>Removes what is stored. The activation goes, also when that fails: whoever asks again meets what is stored.</summary>
    public static async Task ClearAsync<T>(this IGrainBase grain, IPersistentState<T> state)
    {
        try
        {
            if (state.RecordExists)
                await state.ClearStateAsync();
        }
        finally
        {
            grain.DeactivateOnIdle();
        }
    }

    private static async Task ReadAgainAsync<T>(this IGrainBase grain, IPersistentState<T> state)
    {
        try
        {
            await state.ReadStateAsync();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Why the write failed is what the caller hears.
            grain.DeactivateOnIdle();
        }
    }
}
