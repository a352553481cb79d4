namespace Grid.Sandbox.OciRuntime;

/// <summary>What processes with a network may reach.</summary>
public enum SandboxEgress
{
    /// <summary><see cref="Open"/> where slirp4netns works, otherwise <see cref="Host"/>.</summary>
    Auto = 0,

    /// <summary>
    /// A network of the sandbox's own with everything behind it but this machine (its loopback and its addresses), link-local addresses and
    /// the metadata services of clouds. Nobody can connect into it.
    /// </summary>
    Open = 1,

    /// <summary>Nothing, whatever a process asks for.</summary>
    None = 2,

    /// <summary>The machine's own network, with all its services: for builds that trust what they run.</summary>
    Host = 3,
}
