namespace Grid.Worker;

/// <summary>Asking a grain for what work cannot do without.</summary>
internal static class Question
{
    private const int MaxLost = 20;
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);

    /// <summary>Asks, and again when the answer is lost: the grain's silo goes away, and it is somewhere else in a moment. Only for what may be asked twice.</summary>
    /// <exception cref="OrleansException">Nobody answers.</exception>
    /// <exception cref="TimeoutException">Nobody answers in time.</exception>
    public static async Task<T> AskAsync<T>(Func<Task<T>> ask, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var lost = 0; ; lost++)
        {
            try
            {
                return await ask();
            }
            catch (Exception e) when (e is OrleansException or TimeoutException && lost < MaxLost)
            {
                await Task.Delay(Delay, time, cancellationToken);
            }
        }
    }
}
