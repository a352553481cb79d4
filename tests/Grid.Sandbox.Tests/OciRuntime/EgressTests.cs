using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>What a process with a network reaches (attack catalogue 21 and 27: control plane, metadata, other builds).</summary>
public sealed class EgressTests : SandboxTests
{
    /// <summary>Connects in perl, for the image has no other tool; prints what the kernel says.</summary>
    private const string Connect = """
        perl -e 'my ($address, $port) = @ARGV; socket(my $s, 2, 1, 0) or die; $SIG{ALRM} = sub { print "timeout\n"; exit 1 }; alarm 20;
        if (connect($s, pack("S n C4 x8", 2, $port, split(/\./, $address)))) { print "connected\n" } else { print "$!\n"; exit 1 }'
        """;

    protected override ISandboxRuntime CreateRuntimeAt(string directory) => Make(directory, SandboxEgress.Open);

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.0.2.2")]
    [InlineData("own")]
    public async Task Open_ServiceOfThisMachine_IsOutOfReach(string address)
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        var target = address == "own" ? OwnAddress() : address;
        await using var sandbox = await CreateAsync();
        var (exitCode, output, _) = await ShellAsync(sandbox, $"{Connect} {target} {((IPEndPoint)listener.LocalEndpoint).Port}");
        exitCode.ShouldNotBe(0, output);
        listener.Pending().ShouldBeFalse();
    }

    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("169.254.170.2")]
    [InlineData("100.100.100.200")]
    [InlineData("168.63.129.16")]
    public async Task Open_MetadataService_IsOutOfReach(string address)
    {
        await using var sandbox = await CreateAsync();
        var (_, output, _) = await ShellAsync(sandbox, $"{Connect} {address} 80");
        output.ShouldBe("No route to host\n");
    }

    [Fact]
    public async Task Open_OtherSandbox_IsOutOfReach()
    {
        await using var first = await CreateAsync();
        await using var second = await CreateAsync();
        var output = new Capture();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        const string Listen = "socket(my $s, 2, 1, 0); bind($s, pack(q(S n x12), 2, 7777)) or die $!; listen($s, 5); $| = 1; print qq(up\\n); sleep 1000";
        var serving = first.RunAsync(new ProcessSpec(["/usr/bin/perl", "-e", Listen], [], "/", new ProcessUser(0, 0)) { Output = output }, stop.Token);
        await output.FirstOutput.WaitAsync(Patience, Stop);
        (await ShellAsync(first, $"{Connect} 10.0.2.100 7777")).Output.ShouldBe("connected\n");
        (await ShellAsync(second, $"{Connect} 10.0.2.100 7777")).ExitCode.ShouldNotBe(0);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => serving);
    }

    [Fact]
    public async Task Open_HasAWayOutAndANameServerThatNoProcessCanChange()
    {
        await using var sandbox = await CreateAsync();
        var (_, output, _) = await ShellAsync(sandbox, "cat /etc/resolv.conf /proc/net/route; perl -e 'socket(my $s, 2, 2, 0); my $r = pack(q(x120)); ioctl($s, 0x890C, $r) or print qq(refused\\n)'");
        output.ShouldContain("nameserver 10.0.2.3");
        output.Split('\n').ShouldContain(line => line.StartsWith("tap0\t00000000\t0202000A", StringComparison.Ordinal), output);
        output.ShouldContain("refused");
    }

    [Fact]
    public async Task Open_AfterItsSandbox_IsUsedAgainByTheNextOne()
    {
        async Task<string> NamespaceAsync()
        {
            await using var sandbox = await CreateAsync();
            return (await ShellAsync(sandbox, "ls -l /proc/self/ns/net | tail -c 20")).Output;
        }

        (await NamespaceAsync()).ShouldBe(await NamespaceAsync());
    }

    [Fact]
    public async Task None_ProcessThatAsksForANetwork_SeesOnlyTheLoopback()
    {
        using var runtime = Make(Path.Combine(Directory, "none"), SandboxEgress.None);
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        (await ShellAsync(sandbox, "tail -n +3 /proc/net/dev | wc -l")).Output.Trim().ShouldBe("1");
    }

    [Fact]
    public async Task Host_SharesTheNetworkOfThisMachine()
    {
        using var runtime = Make(Path.Combine(Directory, "host"), SandboxEgress.Host);
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        (await ShellAsync(sandbox, "tail -n +3 /proc/net/dev | wc -l")).Output.Trim().ShouldBe($"{File.ReadAllLines("/proc/net/dev").Length - 2}");
    }

    private OciSandboxRuntime Make(string state, SandboxEgress egress)
    {
        if (egress == SandboxEgress.Open && !File.Exists("/usr/bin/slirp4netns"))
            Assert.Skip("slirp4netns is not installed");
        return OciRuntimeUnderTest.Make(state, "runc", Directory, Store, options => options with { Egress = egress });
    }

    private static string OwnAddress() => NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(a => a.Address)
        .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a))?.ToString() ?? "127.0.0.1";
}
