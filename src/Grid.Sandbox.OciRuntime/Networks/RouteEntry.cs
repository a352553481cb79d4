using System.Buffers.Binary;
using System.Net;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>The kernel's <c>struct rtentry</c> (64 bits).</summary>
internal static class RouteEntry
{
    private const short Up = 0x1, ToGateway = 0x2, Reject = 0x200, AddressFamilyInet = 2;
    private const int Destination = 8, Gateway = 24, Mask = 40, Flags = 56, Size = 120;

    /// <summary>A route that answers "unreachable".</summary>
    public static byte[] Unreachable(IPNetwork network) => Make(network, Up | Reject, null);

    /// <summary>A route that leads to a gateway.</summary>
    public static byte[] Through(IPAddress gateway, IPNetwork network) => Make(network, Up | ToGateway, gateway);

    private static byte[] Make(IPNetwork network, short flags, IPAddress? gateway)
    {
        var entry = new byte[Size];
        BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Destination), AddressFamilyInet);
        network.BaseAddress.TryWriteBytes(entry.AsSpan(Destination + 4), out _);
        BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Mask), AddressFamilyInet);
        BinaryPrimitives.WriteUInt32BigEndian(entry.AsSpan(Mask + 4), FilterAddress.MaskOf(network));
        BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Flags), flags);
        if (gateway is not null)
        {
            BinaryPrimitives.WriteInt16LittleEndian(entry.AsSpan(Gateway), AddressFamilyInet);
            gateway.TryWriteBytes(entry.AsSpan(Gateway + 4), out _);
        }
        return entry;
    }
}
