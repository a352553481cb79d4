using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Grid.Hosting;

/// <summary>
/// Ports for a silo that is asked to choose one. They are outside of the range from which the kernel gives ports to connections, so none of those can take
/// a port between its choice and its use.
/// </summary>
internal static class FreePorts
{
    private const int First = 10_000;
    private static readonly HashSet<int> Given = [];

    /// <summary>A port that nobody uses, and that this process has not been given before.</summary>
    public static int Next()
    {
        // Where the kernel's range leaves no room, it is the kernel that chooses.
        var end = FirstOfTheKernels();
        for (var attempt = 0; attempt < 1000 && end > First + 1000; attempt++)
        {
            var port = Random.Shared.Next(First, end);
            lock (Given)
            {
                if (!Given.Contains(port) && IsFree(port) && Given.Add(port))
                    return port;
            }
        }
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Any, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FirstOfTheKernels()
    {
        try
        {
            return int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ')[0], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
    }
}
