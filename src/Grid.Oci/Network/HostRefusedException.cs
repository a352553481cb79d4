using System.Net;

namespace Grid.Oci.Network;

/// <summary>A host was named that <see cref="HostPolicy"/> keeps out.</summary>
public sealed class HostRefusedException : Exception
{
    private HostRefusedException(string message)
        : base(message)
    {
    }

    internal static HostRefusedException Of(string host, IPAddress address) =>
        new($"{host} has the address {address}, which builds may not use here; the operator of a grid can list the host (setting private-host)");

    /// <summary>A host is not in a list of destinations.</summary>
    public static HostRefusedException NotListed(string host, int port) =>
        new($"{host}:{port} is not in the list of destinations that may be reached; an operator of the grid can list it (a tenant's egressAllow, and sandbox.egress-allow where a node has a list)");
}
