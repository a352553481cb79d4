namespace Grid.Oci.Registry;

/// <summary>One request to a registry, described so that it can be sent again.</summary>
internal sealed record RegistryCall(HttpMethod Method, string Registry, string Path)
{
    /// <summary>An absolute URL the registry gave us (an upload), in place of <see cref="Path"/>.</summary>
    public Uri? Location { get; init; }

    /// <summary>What the token must allow: <c>repository:NAME:pull,push</c>, separated by blanks.</summary>
    public string Scope { get; init; } = "";

    public IReadOnlyList<string> Accept { get; init; } = [];

    /// <summary>First byte wanted of a blob.</summary>
    public long Offset { get; init; }

    /// <summary>Makes the body, anew for each attempt. It calls its argument whenever bytes have moved.</summary>
    public Func<Action, HttpContent>? Body { get; init; }

    /// <summary>How long to wait for the answer, where that is not <see cref="RegistryOptions.IdleTimeout"/>.</summary>
    public TimeSpan? Patience { get; init; }

    /// <summary>The repository a scope is for, the first one when it names several; null when it names none.</summary>
    public static string? RepositoryOf(string scope) => scope.Split(':', 3) is ["repository", var name, _] ? name : null;

    public static string Pull(string repository) => $"repository:{repository}:pull";

    public static string Push(string repository) => $"repository:{repository}:pull,push";
}
