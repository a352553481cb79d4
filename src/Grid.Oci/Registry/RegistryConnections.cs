using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Grid.Oci.Images;
using Grid.Oci.Network;

namespace Grid.Oci.Registry;

/// <summary>
/// Makes the connections. Addresses are checked when they are connected to, after the name was resolved, so a name that changes its
/// address between check and use (DNS rebinding) gains nothing.
/// </summary>
internal static class RegistryConnections
{
    public static SocketsHttpHandler CreateHandler(RegistryOptions options)
    {
        var hosts = options.Hosts with { Listed = [.. options.Hosts.Listed, .. options.Insecure] };
        return new SocketsHttpHandler
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
            ConnectCallback = (context, cancellationToken) => ConnectAsync(context, hosts, cancellationToken),
        };
    }

    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, HostPolicy hosts, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint.Host;
        var wanted = context.InitialRequestMessage.RequestUri?.IdnHost.Trim('[', ']') ?? host;
        // Through a proxy it is the proxy that resolves the name; what can be checked here is an address written as such.
        var proxied = !wanted.Equals(host.Trim('[', ']'), StringComparison.OrdinalIgnoreCase);
        IPAddress[] addresses;
        try
        {
            if (proxied)
                hosts.CheckWritten(wanted);
            addresses = proxied ? await Dns.GetHostAddressesAsync(host, cancellationToken) : await hosts.ResolveAsync(host, cancellationToken);
        }
        catch (HostRefusedException e)
        {
            throw new ImageAccessException(e.Message);
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
}
