using System.Net;

namespace Grid.Oci.Network;

/// <summary>
/// Which hosts are connected to on behalf of somebody who names them: registries, URLs, git repositories. Whoever may have a node send requests must not
/// reach with them what only the node reaches: its own services, its network, a cloud's metadata service.
/// </summary>
public sealed record HostPolicy
{
    /// <summary>Everything but link-local addresses: for a machine whose user names the hosts.</summary>
    public static HostPolicy Own { get; } = new() { AllowsPrivate = true };

    /// <summary>Whether addresses that are not public (loopback, private, carrier-grade NAT) may be connected to.</summary>
    public bool AllowsPrivate { get; init; }

    /// <summary>Hosts (<c>name</c> or <c>name:port</c>; the port does not count) that are connected to whatever their address is.</summary>
    public IReadOnlyList<string> Listed { get; init; } = [];

    /// <summary>Whether a host is listed, so that its addresses are not looked at.</summary>
    public bool Lists(string host) => Listed.Any(entry => WithoutPort(entry).Equals(WithoutPort(host), StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether an address may be connected to for a host that is not listed.</summary>
    public bool Allows(IPAddress address)
    {
        address = Unwrapped(address);
        return !IsNeverAHost(address) && (AllowsPrivate || IsPublic(address));
    }

    /// <summary>The addresses of a host that may be connected to. Connect to these and not to the name, which may have others a moment later.</summary>
    /// <exception cref="HostRefusedException">There is none.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The name has no address.</exception>
    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken);
        if (Lists(host))
            return addresses;
        var allowed = addresses.Where(Allows).ToArray();
        return allowed.Length > 0 || addresses.Length == 0 ? allowed : throw HostRefusedException.Of(host, addresses[0]);
    }

    /// <summary>Checks a host that somebody else, a proxy, resolves: what is written as an address can be.</summary>
    /// <exception cref="HostRefusedException">It is an address that may not be connected to.</exception>
    public void CheckWritten(string host)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address) && !Lists(host) && !Allows(address))
            throw HostRefusedException.Of(host, address);
    }

    private static string WithoutPort(string host) =>
        (host.StartsWith('[') ? host[..(host.IndexOf(']') + 1)] : host.Count(c => c == ':') == 1 ? host[..host.IndexOf(':')] : host).Trim('[', ']');

    // IPv4 inside IPv6: mapped addresses and NAT64's 64:ff9b::/96.
    private static IPAddress Unwrapped(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        return bytes.Length == 16 && bytes.AsSpan(0, 12).SequenceEqual<byte>([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])
            ? new IPAddress(bytes.AsSpan(12))
            : address;
    }

    /// <summary>Link-local addresses, where clouds keep their metadata, and those that are no single host.</summary>
    private static bool IsNeverAHost(IPAddress address) =>
        address.IsIPv6LinkLocal || address.IsIPv6Multicast || address.Equals(IPAddress.IPv6Any) || address.GetAddressBytes() is [169, 254, _, _] or [0, _, _, _] or [>= 224, _, _, _];

    private static bool IsPublic(IPAddress address) => address.GetAddressBytes() switch
    {
        [10 or 127, _, _, _] => false,
        [100, >= 64 and < 128, _, _] => false,
        [172, >= 16 and < 32, _, _] => false,
        [192, 168, _, _] or [192, 0, 0, _] or [198, 18 or 19, _, _] => false,
        { Length: 4 } => true,
        // Global unicast is 2000::/3; everything else (::1, fc00::/7) is not for everybody.
        [var first, ..] => first >> 5 == 1,
        _ => false,
    };
}
