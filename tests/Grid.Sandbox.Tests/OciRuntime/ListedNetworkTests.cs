using System.Net;
using System.Net.Sockets;
using Grid.Oci.Network;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>What processes reach when there is a list: as root, and (in a program <see cref="RootlessTests"/> starts) as an ordinary user. Derived for each runtime.</summary>
public abstract class ListedNetworkTests : SandboxTests
{
    private const string Listed = "packages.example.com";

    /// <summary>Connects in perl, for the image has no other tool, within a minute unless said otherwise; prints what the kernel says. A name is looked up as the C library does it.</summary>
    private const string Connect = """
        reach() { perl -e 'my ($host, $port, $seconds) = @ARGV; my $ip = gethostbyname($host); defined $ip or do { print "no address\n"; exit };
        socket(my $s, 2, 1, 0) or die; $SIG{ALRM} = sub { print "silence\n"; exit }; alarm($seconds || 60);
        print connect($s, pack("S n a4 x8", 2, $port, $ip)) ? "connected\n" : "$!\n"' "$@"; }
        """;

    /// <summary>Sends a datagram, through a device when one is named, waits for an answer for as long as said, and prints whether one came.</summary>
    private const string Send = """
        send() { perl -e 'my ($host, $port, $seconds, $data, $device) = @ARGV; socket(my $s, 2, 2, 0) or die;
        !$device or setsockopt($s, 1, 25, $device) or print "$! "; my $to = pack("S n C4 x8", 2, $port, split(/\./, $host));
        defined send($s, pack("H*", $data), 0, $to) or do { print "$!\n"; exit }; my $r = ""; vec($r, fileno($s), 1) = 1;
        if (!select($r, undef, undef, $seconds)) { print "silence\n"; exit } defined recv($s, my $got, 2000, 0) or do { print "$!\n"; exit }; print unpack("H*", $got), "\n"' "$@"; }
        """;

    /// <summary>Writes a frame with a UDP packet to the device itself, past all routes.</summary>
    private const string Frame = """
        frame() { perl -e 'my ($to, $port) = @ARGV; socket(my $s, 17, 3, 0x0008) or do { print "$!\n"; exit }; my $r = pack("a16 x24", "tap0"); ioctl($s, 0x8933, $r) or die "$!"; my $index = unpack("x16 i", $r);
        my $udp = pack("n n n n a*", 4000, $port, 10, 0, "hi"); my $ip = pack("C C n n n C C n C4 C4", 0x45, 0, 20 + length $udp, 7, 0, 64, 17, 0, 10, 0, 2, 100, split(/\./, $to));
        my $sum = 0; $sum += $_ for unpack("n*", $ip); $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; substr($ip, 10, 2) = pack("n", ~$sum & 0xffff);
        my $router = pack("C6", 0x52, 0x55, 10, 0, 2, 2); my $frame = $router . pack("C6", 2, 0, 0, 0, 0, 1) . pack("n", 0x0800) . $ip . $udp;
        print defined send($s, $frame, 0, pack("S n i S C C a8", 17, 0x0800, $index, 1, 0, 6, $router)) ? "sent\n" : "$!\n"' "$@"; }
        """;

    private readonly string _name;
    private readonly Lazy<ForeignHost> _host = new(ForeignHost.Make);
    private readonly Dictionary<string, IPAddress[]> _names = [];

    protected ListedNetworkTests(string name) => _name = name;

    private ForeignHost Host => _host.Value;

    protected override ISandboxRuntime CreateRuntimeAt(string directory) => Make(directory, SandboxEgress.Open, HostPolicy.Own);

    protected override void AssertNothingLeft()
    {
        OciRuntimeUnderTest.AssertNothingLeft(Directory);
        if (_host.IsValueCreated)
            Host.Dispose();
    }

    [Fact]
    public async Task Name_Listed_IsReachedAndNothingElseOfItsHost()
    {
        _names[Listed] = [Host.Address];
        var (output, errors) = await RunAsync([$"{Listed}:{Host.Port}"], $"reach {Listed} {Host.Port}; reach {Listed}. {Host.Port}; reach PACKAGES.example.com {Host.Port}; reach {Listed} {Host.OtherPort} 1; reach {Host.OtherAddress} {Host.Port}");
        output.ShouldBe(["connected", "connected", "connected", "silence", "Network is unreachable"]);
        errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task Name_NotListed_DoesNotExistAndIsSaidOnce()
    {
        _names["elsewhere.example.com"] = _names["example.com"] = _names["evilexample.org"] = [Host.Address];
        _names["a.example.org"] = [Host.Address];
        var (output, errors) = await RunAsync([Listed, "*.example.org"], $"for n in elsewhere.example.com elsewhere.example.com evilexample.org example.org a.example.org; do reach $n {Host.Port}; done; reach {Host.Address} {Host.Port}");
        output.ShouldBe(["no address", "no address", "no address", "no address", "connected", "connected"]);
        errors.ShouldBe([Refused("elsewhere.example.com"), Refused("evilexample.org"), Refused("example.org")]);
    }

    [Fact]
    public async Task Address_IsReachedWhenItsBlockIsListed()
    {
        var (output, _) = await RunAsync([$"{Host.Network}.2/31:{Host.Port}"], $"reach {Host.Address} {Host.Port}; reach {Host.OtherAddress} {Host.Port}; send {Host.Address} {Host.Port} 60 68656c6c6f");
        output.ShouldBe(["connected", "connected", "68656c6c6f"]);
        (await RunAsync([$"{Host.Address}"], $"reach {Host.Address} {Host.OtherPort}; reach {Host.OtherAddress} {Host.Port}; reach {Host.Machine} {Host.Port}")).Output.ShouldBe(["connected", "Network is unreachable", "No route to host"]);
    }

    [Fact]
    public async Task Datagram_ToWhatIsNotListed_GoesNowhereWhateverTheProcessDoes()
    {
        // A process may name the device, may write frames when it has CAP_NET_RAW, and may send to groups and to everybody.
        var (output, _) = await RunAsync([$"{Host.Network}.8"], $$"""
            send {{Host.Address}} {{Host.Port}} 1 6869
            send {{Host.Address}} {{Host.Port}} 1 6869 tap0
            send 239.1.2.3 {{Host.Port}} 1 6869 tap0
            frame {{Host.Address}} {{Host.Port}}
            """);
        output[0].ShouldBe("Network is unreachable");
        output[1].ShouldBeOneOf("silence", "No route to host");
        output.Length.ShouldBe(4);
        // Whether the frame can be written is the machine's affair (it drops what a filter refuses); what the host got is what counts. That it is heard when listed shows that this looks well.
        (await RunAsync([$"{Host.Address}"], $"frame {Host.Address} {Host.Port}; send {Host.Address} {Host.Port} 60 6869")).Output.ShouldBe(["sent", "6869"]);
        if (UserNamespace.IsInside)
            return;
        SpinWait.SpinUntil(() => Host.Datagrams >= 2, Patience).ShouldBeTrue();
        Host.Datagrams.ShouldBe(2);
    }

    [Fact]
    public async Task NameServerOfTheNetwork_AnswersNobody()
    {
        // A query for example.com, as dig sends it: to slirp's own server, to a public one, and to ours.
        const string Query = "000101000001000000000000076578616d706c6503636f6d0000010001";
        var (output, _) = await RunAsync([Listed], $"cat /etc/resolv.conf; send 10.0.2.3 53 1 {Query}; send 10.0.2.3 53 1 {Query} tap0; send 192.0.2.53 53 1 {Query}; send 127.0.0.153 53 60 {Query}");
        output[0].ShouldBe("nameserver 127.0.0.153");
        output[1].ShouldBeOneOf("silence", "Network is unreachable", "Connection refused");
        output[2].ShouldBeOneOf("silence", "Connection refused");
        output[3].ShouldBe("Network is unreachable");
        output[4].ShouldBe("000181830001000000000000076578616d706c6503636f6d0000010001");
    }

    [Fact]
    public async Task Frame_ToThisMachine_IsNotSentAlsoWithoutAList()
    {
        // There the host is another program's, and so is what it hears.
        if (UserNamespace.IsInside)
            return;
        using var machine = new UdpClient(new IPEndPoint(Host.Machine, 0));
        await RunAsync(null, $"frame {Host.Machine} {((IPEndPoint)machine.Client.LocalEndPoint!).Port}; frame {Host.Address} {Host.Port}; send {Host.Address} {Host.Port} 60 6869");
        // Frames are sent in their order: when the host has got both, this machine would have got its own.
        SpinWait.SpinUntil(() => Host.Datagrams >= 2, Patience).ShouldBeTrue();
        machine.Available.ShouldBe(0);
    }

    [Fact]
    public async Task IPv6_IsNotThere()
    {
        var (output, _) = await RunAsync([Listed], """perl -e 'socket(my $s, 10, 1, 0) or do { print "$!\n"; exit }; print connect($s, pack("S n N n8 N", 10, 443, 0, 0x2001, 0xdb8, 0, 0, 0, 0, 0, 1, 0)) ? "connected\n" : "$!\n"' """);
        output.ShouldHaveSingleItem().ShouldBeOneOf("Network is unreachable", "Cannot assign requested address", "Address family not supported by protocol");
    }

    [Fact]
    public async Task Name_WithAnAddressThatIsKeptOut_DoesNotGetIt()
    {
        _names["own.example.com"] = [Host.Machine];
        _names["metadata.example.com"] = [IPAddress.Parse("169.254.169.254")];
        _names["loopback.example.com"] = [IPAddress.Loopback];
        _names["private.example.com"] = [Host.Address];
        string[] list = ["own.example.com", "metadata.example.com", "loopback.example.com", "private.example.com"];
        const string Script = "for n in own metadata loopback private; do reach $n.example.com PORT; done";
        var script = Script.Replace("PORT", $"{Host.Port}", StringComparison.Ordinal);

        (await RunAsync(list, script)).Output.ShouldBe(["no address", "no address", "no address", "connected"]);
        using var strict = Make(Path.Combine(Directory, "strict"), SandboxEgress.Open, new HostPolicy());
        var (output, errors) = await RunAsync(list, script, strict);
        output.ShouldBe(["no address", "no address", "no address", "no address"]);
        errors.ShouldContain($"egress: host private.example.com has the address {Host.Address}, which builds may not use here; list the address too, or have the host listed (setting private-host)");
        (await RunAsync([.. list, $"{Host.Address}"], script, strict)).Output[3].ShouldBe("connected");
        using var listed = Make(Path.Combine(Directory, "listed"), SandboxEgress.Open, new HostPolicy { Listed = ["private.example.com"] });
        (await RunAsync(list, script, listed)).Output[3].ShouldBe("connected");
    }

    [Fact]
    public async Task Network_WithAList_IsNotTheNextSandboxs()
    {
        _names[Listed] = [Host.Address];
        (await RunAsync([Listed], $"reach {Listed} {Host.Port}")).Output.ShouldBe(["connected"]);
        (await RunAsync(["other.example.com"], $"reach {Host.Address} {Host.Port}; reach {Listed} {Host.Port}")).Output.ShouldBe(["Network is unreachable", "no address"]);
        // Nor is an open one, before or after, that of a list.
        (await RunAsync(null, $"reach {Host.Address} {Host.Port}")).Output.ShouldBe(["connected"]);
        (await RunAsync([], $"reach {Host.Address} {Host.Port}")).Output.ShouldBe(["Network is unreachable"]);
        (await RunAsync(null, $"reach {Host.Address} {Host.Port}")).Output.ShouldBe(["connected"]);
    }

    [Fact]
    public async Task Process_WithoutANetwork_HasNoneAlsoWithAList()
    {
        await using var sandbox = await Runtime.CreateAsync(Spec() with { Egress = EgressList.Parse([$"{Host.Address}"]) }, Stop);
        (await ShellAsync(sandbox, Connect + $"\nreach {Host.Address} {Host.Port}", process => process with { Network = false })).Output.ShouldBe("Network is unreachable\n");
    }

    [Fact]
    public async Task Machine_WhoseNetworkIsShared_RunsOnlyProcessesWithoutIt()
    {
        using var runtime = Make(Path.Combine(Directory, "host"), SandboxEgress.Host, HostPolicy.Own);
        await using var sandbox = await runtime.CreateAsync(Spec() with { Egress = EgressList.Parse([Listed]) }, Stop);
        (await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "true"))).Message.ShouldContain("sandbox.egress open");
        (await ShellAsync(sandbox, "true", process => process with { Network = false })).ExitCode.ShouldBe(0);
    }

    private static string Refused(string name) => $"egress: host {name} is not in the list of destinations that may be reached";

    private async Task<(string[] Output, string[] Errors)> RunAsync(string[]? list, string script, ISandboxRuntime? runtime = null)
    {
        await using var sandbox = await (runtime ?? Runtime).CreateAsync(Spec() with { Egress = list is null ? null : EgressList.Parse(list) }, Stop);
        var (_, output, errors) = await ShellAsync(sandbox, $"{Connect}\n{Send}\n{Frame}\n{script}");
        return (Lines(output), Lines(errors));

        static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private OciSandboxRuntime Make(string state, SandboxEgress egress, HostPolicy hosts) => OciRuntimeUnderTest.Make(state, _name, Directory, Store, options => options with
    {
        Egress = egress,
        Hosts = hosts,
        Lookup = (name, _) => _names.TryGetValue(name, out var addresses) ? Task.FromResult(addresses) : throw new SocketException((int)SocketError.HostNotFound),
    });
}

/// <summary>Lists over runc.</summary>
public sealed class RuncListedNetworkTests() : ListedNetworkTests("runc");

/// <summary>Lists over crun.</summary>
public sealed class CrunListedNetworkTests() : ListedNetworkTests("crun");
