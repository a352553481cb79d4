using Grid.Contracts.Placement;

namespace Grid.Grains.Placement;

/// <summary>
/// Two builds of Grid in one cluster (ADR 6): a call that the grain's node cannot read, because the method came with a later build, moves the grain to a
/// node that can, and is made again.
/// </summary>
internal static class ContractGenerations
{
    /// <summary>Has the silo's calls find nodes that know them, and its grains found by such calls.</summary>
    public static ISiloBuilder UseContractGenerations(this ISiloBuilder silo) =>
        silo.AddGrainExtension<IContractGeneration, Reached>().AddOutgoingGrainCallFilter<MoveOn>();

    private sealed class Reached : IContractGeneration
    {
        public Task ReachAsync() => Task.CompletedTask;
    }

    private sealed class MoveOn(TimeProvider time) : IOutgoingGrainCallFilter
    {
        /// <summary>Between a move and the call the grain's new node may end, and a node of the earlier build take the grain again.</summary>
        private const int MaxMoves = 8;

        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            for (var moves = 0; ; moves++)
            {
                try
                {
                    await context.Invoke();
                    return;
                }
                catch (TypeLoadException) when (moves < MaxMoves && context.Grain is GrainReference and not IContractGeneration)
                {
                    // A node refuses a call of a type it does not know before any of the grain's code runs: to make it again is safe.
                    await MoveAsync(context);
                    await Task.Delay(TimeSpan.FromMilliseconds(100 * moves), time);
                }
            }
        }

        private static async Task MoveAsync(IOutgoingGrainCallContext context)
        {
            try
            {
                await ((GrainReference)context.Grain).AsReference<IContractGeneration>().ReachAsync();
            }
            catch (OrleansMessageRejectionException)
            {
                // It is moving already, or its node has gone: the next call finds out.
            }
            catch (Exception e) when (e is OrleansException or TypeLoadException)
            {
                throw new OrleansException(
                    $"{context.InterfaceName}.{context.MethodName} came with a later build of Grid than the node of {context.TargetId} runs, and no node of that build may hold it; upgrade a node with the same roles", e);
            }
        }
    }
}
