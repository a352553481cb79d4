namespace Grid.Contracts.Builds;

/// <summary>An app image that is put on another run image, without source and without buildpacks: what <c>grid rebase</c> asks for. Such a build has an export and nothing else.</summary>
/// <param name="Force">Rebase even where it is unsafe: checks become warnings.</param>
[GenerateSerializer, Immutable, Alias("grid.ImageRebase")]
public sealed record ImageRebase([property: Id(0)] bool Force);
