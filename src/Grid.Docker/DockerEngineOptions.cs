namespace Grid.Docker;

/// <summary>Which Docker engine is meant.</summary>
public sealed record DockerEngineOptions
{
    private const string DefaultSocket = "unix:///var/run/docker.sock";

    /// <summary>The engine's endpoint, <c>unix:///path</c> or <c>tcp://host:port</c>; null means DOCKER_HOST, or the default socket.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Where images read from the engine are kept until the store is disposed; null means the system's directory for temporary files.</summary>
    public string? SpoolDirectory { get; init; }

    /// <summary>The endpoint as an address that can be connected to.</summary>
    /// <exception cref="FormatException">It is of a kind that is not supported.</exception>
    public Uri ResolveEndpoint()
    {
        var text = Endpoint ?? Environment.GetEnvironmentVariable("DOCKER_HOST");
        if (string.IsNullOrEmpty(text))
            text = DefaultSocket;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri))
            throw new FormatException($"the Docker endpoint '{text}' is not a URL; want unix:///path/to/docker.sock or tcp://host:port");
        return uri.Scheme switch
        {
            "unix" or "npipe" or "http" or "https" => uri,
            "tcp" when !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("DOCKER_TLS_VERIFY")) =>
                throw new FormatException(
                    $"the Docker endpoint '{text}' wants TLS (DOCKER_TLS_VERIFY), which is not supported; use the engine's unix socket"),
            "tcp" => new UriBuilder(uri) { Scheme = "http" }.Uri,
            _ => throw new FormatException(
                $"the Docker endpoint '{text}' is of a kind that is not supported; want unix:///path/to/docker.sock or tcp://host:port"),
        };
    }
}
