namespace Grid.Grains.Builds;

/// <summary>Telling another grain something it must hear, outside the call that led to it.</summary>
internal static class Notice
{
    private const int Attempts = 8;

    /// <summary>Tells, and again when that fails: the other's silo may be going away, or its write may fail.</summary>
    public static async Task RepeatAsync(Func<Task> tell, TimeProvider time)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await tell();
                return;
            }
            catch (Exception) when (attempt < Attempts)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(25 << attempt), time);
            }
        }
    }
}
