using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Grid.Hosting.Tests.Servers;

/// <summary>Ports for servers that cannot say which one they took.</summary>
internal static class LoopbackPort
{
    private const int First = 10_000;
    private static readonly ConcurrentDictionary<int, bool> Given = new();

    /// <summary>
    /// A port that nobody uses and nobody here was given. It is none of those the kernel gives to connections: one of them could take it before the server does, or while the server
    /// is down, and a client that tries again and again would in the end reach itself.
    /// </summary>
    public static int Free()
    {
        var end = int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ')[0], CultureInfo.InvariantCulture);
        while (true)
        {
            // Where the kernel's range leaves no room, it is the kernel that chooses.
            var port = end > First + 1000 ? Random.Shared.Next(First, end) : 0;
            try
            {
                using var probe = new TcpListener(IPAddress.Any, port);
                probe.Start();
                port = ((IPEndPoint)probe.LocalEndpoint).Port;
                if (Given.TryAdd(port, true))
                    return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }
}
