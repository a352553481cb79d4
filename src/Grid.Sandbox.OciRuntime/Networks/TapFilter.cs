using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>One instruction of classic BPF (<c>struct sock_filter</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FilterInstruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

/// <summary>Where packets may go.</summary>
/// <param name="Network">IPv4 addresses.</param>
/// <param name="Port">The only TCP or UDP port; 0 for everything there.</param>
internal readonly record struct FilterRule(IPNetwork Network, int Port);

/// <summary>IPv4 addresses as numbers.</summary>
internal static class FilterAddress
{
    public static uint Of(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    public static uint MaskOf(IPNetwork network) => network.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - network.PrefixLength);
}

/// <summary>
/// The program that looks at each frame a sandbox sends through its tap device, after all its routes: of IPv4 what goes to listed places passes, and ARP; nothing else. Routes alone
/// bind well-behaved programs: a process can name the device itself (SO_BINDTODEVICE, multicast), and one with CAP_NET_RAW writes frames as it likes.
/// </summary>
internal static class TapFilter
{
    // An Ethernet frame with an IPv4 packet without options.
    private const uint EtherType = 12, Packet = 14, Fragment = Packet + 6, Protocol = Packet + 9, DestinationAddress = Packet + 16, DestinationPort = Packet + 2;
    private const uint Arp = 0x0806, IPv4 = 0x0800, FirstMulticast = 0xE0000000, FragmentOffset = 0x1FFF, Tcp = 6, Udp = 17;

    private const ushort LoadHalf = 0x28, LoadWord = 0x20, LoadByte = 0x30, LoadHalfBehindHeader = 0x48, LoadHeaderLength = 0xB1, LoadScratch = 0x60, Store = 0x02, And = 0x54,
        JumpIfEqual = 0x15, JumpIfNotLess = 0x35, JumpIfAnyBit = 0x45, Return = 0x06;

    /// <summary>Instructions of <see cref="ComparePort"/>.</summary>
    private const byte PortComparison = 9;

    private const uint Pass = uint.MaxValue, Drop = 0;

    /// <summary>The program.</summary>
    /// <param name="closed">Never passed, whatever is open.</param>
    /// <param name="open">Passed.</param>
    public static FilterInstruction[] Build(IEnumerable<IPNetwork> closed, IEnumerable<FilterRule> open)
    {
        List<FilterInstruction> program =
        [
            new(LoadHalf, 0, 0, EtherType),
            new(JumpIfEqual, 0, 1, Arp),
            new(Return, 0, 0, Pass),
            new(JumpIfEqual, 1, 0, IPv4),
            new(Return, 0, 0, Drop),
            new(LoadWord, 0, 0, DestinationAddress),
            new(Store, 0, 0, 0),
            new(JumpIfNotLess, 0, 1, FirstMulticast),
            new(Return, 0, 0, Drop),
        ];
        foreach (var network in closed)
            program.AddRange([.. Compare(network, skip: 1), new(Return, 0, 0, Drop)]);
        foreach (var rule in open)
            program.AddRange(rule.Port == 0 ? [.. Compare(rule.Network, skip: 1), new(Return, 0, 0, Pass)] : [.. Compare(rule.Network, skip: PortComparison), .. ComparePort(rule.Port)]);
        program.Add(new(Return, 0, 0, Drop));
        return [.. program];
    }

    /// <summary>Goes on with the next instruction when the packet's destination is in a network, otherwise behind as many as are to be skipped.</summary>
    private static IEnumerable<FilterInstruction> Compare(IPNetwork network, byte skip)
    {
        yield return new(LoadScratch, 0, 0, 0);
        if (network.PrefixLength < 32)
            yield return new(And, 0, 0, FilterAddress.MaskOf(network));
        yield return new(JumpIfEqual, 0, skip, FilterAddress.Of(network.BaseAddress));
    }

    /// <summary>Passes TCP and UDP to a port. Later fragments have no ports; without the first one, which is looked at, they are nothing.</summary>
    private static FilterInstruction[] ComparePort(int port) =>
    [
        new(LoadByte, 0, 0, Protocol),
        new(JumpIfEqual, 1, 0, Tcp),
        new(JumpIfEqual, 0, 6, Udp),
        new(LoadHalf, 0, 0, Fragment),
        new(JumpIfAnyBit, 3, 0, FragmentOffset),
        new(LoadHeaderLength, 0, 0, Packet),
        new(LoadHalfBehindHeader, 0, 0, DestinationPort),
        new(JumpIfEqual, 0, 1, (uint)port),
        new(Return, 0, 0, Pass),
    ];
}
