using Grid.Benchmarks.Extend;

namespace Grid.Benchmarks.Contenders;

/// <summary>Takes part in the rounds of <c>extend</c>.</summary>
internal interface IContender
{
    /// <summary>Measures a scenario once: brings its cache to where the scenario starts, untimed, and then does what is timed.</summary>
    /// <param name="scenario">What to measure.</param>
    /// <param name="turn">Unique for each call: what is edited is something that no cache has seen.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Nothing when the contender cannot take part in this scenario.</returns>
    Task<IReadOnlyList<Timing>> MeasureAsync(Scenario scenario, string turn, CancellationToken cancellationToken);
}

/// <summary>Seconds, and the row of a table they belong to.</summary>
internal sealed record Timing(string Row, double Seconds);
