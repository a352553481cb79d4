using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Oci;

namespace Grid.Dockerfiles.Keys;

/// <summary>The content behind a URL of ADD.</summary>
public sealed record FetchedUrl(string Url, Digest Digest);

/// <summary>What a step's key is made from.</summary>
/// <param name="Step">The planned step.</param>
/// <param name="Scope">Who may share the result: the tenant, or the platform itself. Keys of different scopes never meet.</param>
public sealed record StepKeyInput(PlannedStep Step, string Scope)
{
    /// <summary>What COPY or ADD matched, or a RUN's bind mounts cover (<see cref="ContextMatcher"/>).</summary>
    public IReadOnlyList<CopiedFile> Files { get; init; } = [];

    /// <summary>The content of URLs that have no checksum.</summary>
    public IReadOnlyList<FetchedUrl> Urls { get; init; } = [];
}
