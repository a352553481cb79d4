using System.Buffers.Binary;
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
        var closed = Metadata.Concat(OwnAddresses()).ToList();
        SafeFileHandle? handle = null;
        Exception? failure = null;
        // A thread of its own: it stays in the namespace it makes, and must not go back to others' work.
        var thread = new Thread(() =>
        {
            try
            {
                Libc.UnshareNetwork();
                handle = Libc.OpenRead("/proc/thread-self/ns/net");
                Libc.RejectRoutes(closed);
            }
            catch (IOException refused)
            {
                handle?.Dispose();
                failure = refused;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? handle! : throw new SandboxException($"cannot make a network namespace: {failure.Message}", failure);
    }

    private static IEnumerable<IPNetwork> OwnAddresses() => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(address => address.Address)
        .Where(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)).Distinct().Select(address => new IPNetwork(address, 32));

    /// <summary>A <c>struct rtentry</c> for a route that answers "unreachable".</summary>
    internal static byte[] RejectRoute(IPNetwork network)
    {
        const short Up = 0x1, Reject = 0x200, AddressFamilyInet = 2;
        const int Destination = 8, Mask = 40, Flags = 56, Size = 120;
        var entry = new byte[Size];
        BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Destination), AddressFamilyInet);
        network.BaseAddress.TryWriteBytes(entry.AsSpan(Destination + 4), out _);
        BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Mask), AddressFamilyInet);
        BinaryPrimitives.WriteUInt32BigEndian(entry.AsSpan(Mask + 4), network.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - network.PrefixLength));
        BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Flags), Up | Reject);
        return entry;
    }
}
