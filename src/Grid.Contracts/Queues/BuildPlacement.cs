using Grid.Contracts.Builds;

namespace Grid.Contracts.Queues;

/// <summary>A node during one run of its silo. What ran on it is lost when the session ends, even if the node comes back.</summary>
/// <param name="Node">Name of the node, stable over restarts.</param>
/// <param name="Session">The silo's address with its generation (<c>SiloAddress.ToParsableString</c>).</param>
[GenerateSerializer, Immutable, Alias("grid.NodeSession")]
public sealed record NodeSession([property: Id(0)] string Node, [property: Id(1)] string Session);

/// <summary>Where a build works. The queue decides it at admission and again when a node is lost.</summary>
[GenerateSerializer, Immutable, Alias("grid.BuildPlacement")]
public sealed record BuildPlacement
{
    /// <summary>Counts from 1; a placement replaces those with lower numbers.</summary>
    [Id(0)] public required int Number { get; init; }

    /// <summary>Node of everything but the run extension; null while the build waits for a node in place of one that was lost.</summary>
    [Id(1)] public NodeSession? Home { get; init; }

    /// <summary>Node of the run extension; null as <see cref="Home"/>.</summary>
    [Id(2)] public NodeSession? RunExtension { get; init; }

    /// <summary>The nodes of the placement before this one left in good order: losing them is nobody's failure.</summary>
    [Id(3)] public bool HandedOver { get; init; }

    /// <summary>Phases whose sandboxes outlived the node's last silo: their next attempt goes on with them, on what the attempt before left on its disk.</summary>
    [Id(4)] public Phase[] Survived { get; init; } = [];
}
