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
}
