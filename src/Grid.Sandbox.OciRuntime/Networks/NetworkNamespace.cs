using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>Makes network namespaces that nothing can be reached from which is this machine's or a cloud's own.</summary>
internal static class NetworkNamespace
{
    /// <summary>Link-local addresses, among them most clouds' metadata services, and those of the others (Alibaba, Azure, Oracle).</summary>
    private static readonly IPNetwork[] Metadata =
        [IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("100.100.100.200/32"), IPNetwork.Parse("168.63.129.16/32"), IPNetwork.Parse("192.0.0.192/32")];

    /// <summary>A new namespace, which lives as long as the handle (or something in it). It has no interfaces yet.</summary>
    public static SafeFileHandle Create()
    {
        var closed = Closed();
        return OnThread("cannot make a network namespace", () =>
        {
            Libc.UnshareNetwork();
            var handle = Libc.OpenRead("/proc/thread-self/ns/net");
            try
            {
                using var routes = NetworkCalls.OpenRoutes();
                foreach (var network in closed)
                    NetworkCalls.Add(routes, RouteEntry.Unreachable(network));
                return handle;
            }
            catch (IOException)
            {
                handle.Dispose();
                throw;
            }
        });
    }

    /// <summary>What is out of reach from every sandbox: metadata services, and the addresses this machine has now.</summary>
    public static IReadOnlyList<IPNetwork> Closed() => [.. Metadata, .. OwnAddresses()];

    /// <summary>Does something in a namespace: sockets that are made there stay there.</summary>
    public static T Inside<T>(SafeFileHandle ns, Func<T> work) => OnThread("cannot set up a network namespace", () =>
    {
        NetworkCalls.Enter(ns);
        return work();
    });

    /// <summary>On a thread of its own: it stays in the namespace it goes to, and must not go back to others' work.</summary>
    private static T OnThread<T>(string what, Func<T> work)
    {
        T? result = default;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception refused) when (refused is IOException or SocketException)
            {
                failure = refused;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result! : throw new SandboxException($"{what}: {failure.Message}", failure);
    }

    private static IEnumerable<IPNetwork> OwnAddresses() => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(address => address.Address)
        .Where(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)).Distinct().Select(address => new IPNetwork(address, 32));
}
