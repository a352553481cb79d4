using System.Buffers.Binary;
using System.Net;
using Grid.Sandbox.OciRuntime.Networks;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>The filter's program, run here as the kernel runs it.</summary>
public sealed class TapFilterTests
{
    private static readonly IPNetwork[] Closed = [IPNetwork.Parse("10.0.2.0/24"), IPNetwork.Parse("203.0.113.9/32"), IPNetwork.Parse("127.0.0.0/8")];
    private static readonly FilterRule[] Open =
    [
        new(IPNetwork.Parse("10.0.0.0/8"), 0), new(IPNetwork.Parse("203.0.113.0/24"), 443), new(IPNetwork.Parse("198.51.100.7/32"), 0), new(IPNetwork.Parse("198.51.100.8/32"), 80), new(IPNetwork.Parse("198.51.100.8/32"), 443),
        new(IPNetwork.Parse("224.0.0.0/4"), 0),
    ];

    [Theory]
    [InlineData("10.1.2.3", 6, 22, true)]
    [InlineData("10.1.2.3", 1, 0, true)]
    [InlineData("10.0.2.3", 17, 53, false)]
    [InlineData("203.0.113.1", 6, 443, true)]
    [InlineData("203.0.113.1", 17, 443, true)]
    [InlineData("203.0.113.1", 6, 80, false)]
    [InlineData("203.0.113.1", 1, 443, false)]
    [InlineData("203.0.113.9", 6, 443, false)]
    [InlineData("203.0.114.1", 6, 443, false)]
    [InlineData("198.51.100.7", 6, 1, true)]
    [InlineData("198.51.100.8", 6, 80, true)]
    [InlineData("198.51.100.8", 6, 443, true)]
    [InlineData("198.51.100.8", 6, 22, false)]
    [InlineData("198.51.100.9", 6, 80, false)]
    [InlineData("239.1.2.3", 17, 1900, false)]
    [InlineData("255.255.255.255", 17, 67, false)]
    [InlineData("169.254.169.254", 6, 80, false)]
    public void Build_PassesWhatIsOpenAndNotClosed(string address, byte protocol, ushort port, bool passes)
    {
        var program = TapFilter.Build(Closed, Open);
        Passes(program, Frame(address, protocol, port)).ShouldBe(passes);
        Passes(program, Frame(address, protocol, port, options: 3)).ShouldBe(passes);
    }

    [Fact]
    public void Build_OtherThanIPv4_IsDropped()
    {
        var program = TapFilter.Build(Closed, Open);
        foreach (var (type, passes) in new[] { (0x0806, true), (0x86DD, false), (0x8100, false), (0x8847, false), (0, false) })
        {
            var frame = Frame("10.1.2.3", 6, 80);
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), (ushort)type);
            Passes(program, frame).ShouldBe(passes, $"{type:x4}");
        }
    }

    [Fact]
    public void Build_FirstFragmentWithoutPorts_IsDropped()
    {
        var program = TapFilter.Build([], [new(IPNetwork.Parse("198.51.100.8/32"), 80)]);
        for (var length = 0; length < 38; length++)
            Passes(program, Frame("198.51.100.8", 6, 80)[..length]).ShouldBeFalse($"{length} bytes");
        Passes(program, Frame("198.51.100.8", 6, 80)).ShouldBeTrue();
        Passes(program, Frame("198.51.100.8", 6, 22, fragment: 0x2000)).ShouldBeFalse("the first of several");
        Passes(program, Frame("198.51.100.8", 6, 0, fragment: 0x0010)).ShouldBeTrue("a later one, which has no ports");
    }

    [Fact]
    public void Build_AnyRules_IsWhatTheRulesSay()
    {
        var random = new Random(20261126);
        IPAddress Address() => new([(byte)random.Next(1, 4), (byte)random.Next(2), (byte)random.Next(2), (byte)random.Next(4)]);
        for (var round = 0; round < 300; round++)
        {
            IPNetwork Network() => IPNetwork.Parse($"{Address()}/{random.Next(1, 33)}");
            var closed = Enumerable.Range(0, random.Next(4)).Select(_ => Network()).ToArray();
            var open = Enumerable.Range(0, random.Next(20)).Select(_ => new FilterRule(Network(), random.Next(3))).ToArray();
            var program = TapFilter.Build(closed, open);
            for (var packet = 0; packet < 50; packet++)
            {
                var (to, port) = (Address(), (ushort)random.Next(4));
                Passes(program, Frame(to.ToString(), 6, port)).ShouldBe(!closed.Any(network => network.Contains(to)) && open.Any(rule => rule.Network.Contains(to) && (rule.Port == 0 || rule.Port == port)), $"{to}:{port}");
            }
        }
    }

    /// <summary>The kernel takes 4096 instructions at most, and has 20 KiB for the program it makes of them and of the one before.</summary>
    [Fact]
    public void Build_FullList_IsWithinTheKernelsBounds() =>
        TapFilter.Build(Closed, Enumerable.Range(0, 128 + EgressGate.MaxAddresses).Select(i => new FilterRule(new IPNetwork(new IPAddress([198, 51, (byte)(i >> 8), (byte)i]), 32), 0))).Length.ShouldBeLessThan(1250);

    private static byte[] Frame(string to, byte protocol, ushort port, int options = 0, ushort fragment = 0)
    {
        var frame = new byte[14 + 20 + options * 4 + 20];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0800);
        frame[14] = (byte)(0x45 + options);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(20), fragment);
        frame[23] = protocol;
        IPAddress.Parse(to).TryWriteBytes(frame.AsSpan(30), out _);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34 + options * 4 + 2), port);
        return frame;
    }

    /// <summary>Classic BPF, as far as the program uses it; a load beyond the frame ends it with 0.</summary>
    private static bool Passes(FilterInstruction[] program, byte[] frame)
    {
        uint a = 0, x = 0, scratch = 0;
        for (var at = 0; ; at++)
        {
            var (code, ifTrue, ifFalse, k) = program[at];
            var size = code switch { 0x20 => 4, 0x28 or 0x48 => 2, 0x30 or 0xB1 => 1, _ => 0 };
            var from = (int)(code == 0x48 ? x + k : k);
            if (size > 0 && from + size > frame.Length)
                return false;
            switch (code)
            {
                case 0x20: a = BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(from)); break;
                case 0x28 or 0x48: a = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(from)); break;
                case 0x30: a = frame[from]; break;
                case 0xB1: x = (uint)(frame[from] & 0xf) * 4; break;
                case 0x60: a = scratch; break;
                case 0x02: scratch = a; break;
                case 0x54: a &= k; break;
                case 0x15: at += a == k ? ifTrue : ifFalse; break;
                case 0x35: at += a >= k ? ifTrue : ifFalse; break;
                case 0x45: at += (a & k) != 0 ? ifTrue : ifFalse; break;
                case 0x06: return k != 0;
                default: throw new InvalidOperationException($"no instruction {code:x}");
            }
        }
    }
}
