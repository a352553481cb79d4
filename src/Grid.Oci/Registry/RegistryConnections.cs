using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>
/// Makes the connections. Addresses are checked when they are connected to, after the name was resolved, so a name that changes its
/// address between check and use (DNS rebinding) gains nothing.
/// </summary>
internal static class RegistryConnections
{
    public static SocketsHttpHandler CreateHandler(RegistryOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        // A registry is somebody else's: it learns nothing of our traces.
        ActivityHeadersPropagator = null,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (sender, _, _, errors) =>
                errors == SslPolicyErrors.None || (sender is SslStream stream && Lists(options.Insecure, stream.TargetHostName)),
        },
        ConnectCallback = (context, cancellationToken) => ConnectAsync(context, options, cancellationToken),
    };

    /// <summary>Whether an address may be connected to for a host that is not listed.</summary>
    internal static bool IsAllowed(IPAddress address, RegistryOptions options) =>
        !IsLinkLocal(Unwrapped(address)) && (options.AllowPrivateAddresses || IsPublic(Unwrapped(address)));

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, RegistryOptions options, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint.Host;
        var wanted = context.InitialRequestMessage.RequestUri?.IdnHost.Trim('[', ']') ?? host;
        // Through a proxy it is the proxy that resolves the name; what can be checked here is an address written as such.
        var proxied = !wanted.Equals(host.Trim('[', ']'), StringComparison.OrdinalIgnoreCase);
        var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken);
        if (!Lists(options.Insecure, wanted) && !Lists(options.PrivateRegistries, wanted))
        {
            IPAddress[] check = proxied ? IPAddress.TryParse(wanted, out var literal) ? [literal] : [] : addresses;
            if (check.FirstOrDefault(address => !IsAllowed(address, options)) is { } refused)
                throw new ImageAccessException(
                    $"{wanted} has the address {refused}, which registries must not have here; list it as a private registry to allow it");
        }
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool Lists(IReadOnlyList<string> authorities, string host) =>
        authorities.Any(authority => RegistryHost.WithoutPort(authority).Trim('[', ']').Equals(host, StringComparison.OrdinalIgnoreCase));

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

    private static bool IsLinkLocal(IPAddress address) =>
        address.IsIPv6LinkLocal || (address.GetAddressBytes() is [169, 254, _, _]);

    private static bool IsPublic(IPAddress address) => address.GetAddressBytes() switch
    {
        [0 or 10 or 127, _, _, _] => false,
        [100, >= 64 and < 128, _, _] => false,
        [172, >= 16 and < 32, _, _] => false,
        [192, 168, _, _] or [192, 0, 0, _] or [198, 18 or 19, _, _] => false,
        [>= 224, _, _, _] => false,
        { Length: 4 } => true,
        // Global unicast is 2000::/3; everything else (::, ::1, fc00::/7, ff00::/8) is not for registries.
        [var first, ..] => first >> 5 == 1,
        _ => false,
    };
}
