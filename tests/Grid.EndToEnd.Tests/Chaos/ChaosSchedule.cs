namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>What may go wrong with a grid.</summary>
internal enum FaultKind
{
    /// <summary>kill -9 of a node; it is started again.</summary>
    Kill,
    /// <summary>SIGTERM of a node; it is started again.</summary>
    Stop,
    /// <summary>A node stands still: its processes exist and do nothing.</summary>
    Hang,
    /// <summary>Redis is killed and started again, with what it had.</summary>
    KillRedis,
    /// <summary>Redis accepts connections and does not answer.</summary>
    HangRedis,
    /// <summary>Azurite is stopped and started again. Not killed: it answers before it has stored, which the service it stands for does not.</summary>
    StopAzurite,
    HangAzurite,
    /// <summary>A node and the others do not reach each other; all of them reach the services.</summary>
    Cut,
    /// <summary>A node reaches nothing.</summary>
    Unplug,
    /// <summary>The registry answers 500.</summary>
    RegistryErrors,
    /// <summary>The registry answers only when the fault is over.</summary>
    RegistryStalls,
    /// <summary>The registry does what it is asked, and the answer is lost.</summary>
    RegistryLosesAnswers,
}

/// <summary>One thing that goes wrong.</summary>
/// <param name="After">Time since the fault before it was over.</param>
/// <param name="Kind">What.</param>
/// <param name="Node">Which node, where it is about one.</param>
/// <param name="Lasts">For how long.</param>
internal sealed record Fault(TimeSpan After, FaultKind Kind, int Node, TimeSpan Lasts)
{
    public override string ToString() => $"{After.TotalSeconds:0.0} s later: {Kind}{(Kind is FaultKind.Kill or FaultKind.Stop or FaultKind.Hang or FaultKind.Cut or FaultKind.Unplug ? $" of node {Node}" : "")} for {Lasts.TotalSeconds:0.0} s";
}

/// <summary>The faults of a run, from a seed alone: the same seed gives the same faults.</summary>
internal static class ChaosSchedule
{
    /// <summary>Faults one after the other for about this long.</summary>
    /// <param name="seed">What it all follows from.</param>
    /// <param name="duration">Time until the last fault is over.</param>
    /// <param name="nodes">How many nodes there are.</param>
    /// <param name="kinds">What may happen.</param>
    public static IReadOnlyList<Fault> Of(int seed, TimeSpan duration, int nodes, IReadOnlyList<FaultKind> kinds)
    {
        var random = new Random(seed);
        var faults = new List<Fault>();
        for (var at = TimeSpan.Zero; at < duration;)
        {
            var after = Seconds(random, 1.5, 6);
            var kind = kinds[random.Next(kinds.Count)];
            var lasts = kind switch
            {
                // Longer than a lease now and then: the node has to find out that it was given up.
                FaultKind.Hang or FaultKind.Cut or FaultKind.Unplug => random.Next(3) == 0 ? Seconds(random, 32, 40) : Seconds(random, 1, 14),
                FaultKind.Kill or FaultKind.Stop => Seconds(random, 0, 8),
                // What a client of a registry waits out (spec-facts §4.4).
                FaultKind.RegistryErrors or FaultKind.RegistryLosesAnswers => Seconds(random, 0.5, 3),
                _ => Seconds(random, 1, 12),
            };
            faults.Add(new Fault(after, kind, random.Next(nodes), lasts));
            at += after + lasts;
        }
        return faults;
    }

    private static TimeSpan Seconds(Random random, double from, double to) => TimeSpan.FromSeconds(Math.Round(from + random.NextDouble() * (to - from), 1));
}
