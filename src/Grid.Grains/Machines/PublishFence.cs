using Grid.Contracts.Builds;

namespace Grid.Grains.Machines;

/// <summary>
/// Who may write the names of a build's image, and until when. A registry takes a name from anybody who comes, so the right to write one runs out by
/// itself, and the next attempt gets it only when the one before it cannot have it any more.
/// </summary>
/// <remarks>
/// <code>
/// nobody ──first attempt→ its, for a lease ──the same again→ its, for a new lease
///                             └──another attempt: waits for the lease and the margin → its
/// </code>
/// </remarks>
public static class PublishFence
{
    /// <summary>How long an attempt may write. A name is one request; what takes longer asks again.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(8);

    /// <summary>How much longer the next attempt waits: for requests that are under way, and for clocks of silos that differ.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromSeconds(2);

    /// <summary>The current attempt asks. What is to be stored before it is answered (the same when nothing changes), and the answer.</summary>
    public static (PublishIntent Intent, PublishAnswer Answer) Ask(PublishIntent? current, string handle, DateTimeOffset now) =>
        current is not null && current.Handle != handle && now < current.Until + Margin
            ? (current, new PublishAnswer(false, current.Until + Margin - now))
            : (new PublishIntent(handle, now + Lease), new PublishAnswer(true, Lease));
}

/// <summary>An attempt that was allowed to write names.</summary>
/// <param name="Handle">Its handle.</param>
/// <param name="Until">When it must have stopped.</param>
[GenerateSerializer, Immutable, Alias("grid.PublishIntent")]
public sealed record PublishIntent([property: Id(0)] string Handle, [property: Id(1)] DateTimeOffset Until);
