using Orleans.CodeGeneration;
using Orleans.Runtime;

namespace Grid.Contracts.Placement;

/// <summary>
/// Leads a grain to the nodes of the builds that know the caller's calls. Every grain has it. Its version is the generation of contracts the build
/// writes (docs/contracts.md), the number of the newest directory in <c>tests/fixtures/contracts</c>: where a node has a lower one, Orleans ends the
/// activation and takes the call to a node with this one or a higher.
/// </summary>
[Alias("grid.IContractGeneration"), Version(1)]
public interface IContractGeneration : IGrainExtension
{
    /// <summary>Is answered by an activation on a node of this generation or a later one.</summary>
    [Alias("Reach")]
    Task ReachAsync();
}
