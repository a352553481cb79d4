using System.Net;
using System.Net.Sockets;
using Grid.Oci.Network;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>What a network lets through that has a list.</summary>
/// <param name="List">Destinations.</param>
/// <param name="Hosts">Which addresses a listed name may have that are not listed themselves.</param>
/// <param name="Lookup">Finds a name's addresses on this machine.</param>
internal sealed record EgressRules(EgressList List, HostPolicy Hosts, NameLookup Lookup)
{
    /// <summary>Whether a process may be sent to an address by a listed name. That it is closed to everybody is looked at elsewhere.</summary>
    public bool MayHave(string name, IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && (List.Contains(address) || Hosts.Lists(name) || Hosts.Allows(address));
}

/// <summary>Finds a name's addresses. <see cref="SocketException"/> says that it has none, or why that is not known.</summary>
internal delegate Task<IPAddress[]> NameLookup(string name, CancellationToken cancellationToken);
