namespace Grid.Benchmarks.Workspace;

/// <summary>
/// A network namespace for an engine, with a way out through this machine: as direct as the machine's own, and an engine in it cannot take away the
/// bridge or the firewall rules of one that runs already. Addresses are of the range for benchmarks (RFC 2544).
/// </summary>
internal sealed class EngineNetwork : IAsyncDisposable
{
    private const string Name = "grid-benchmark", Link = "gridbench0", Inner = "gridbench1", Network = "198.18.77.0/30", Gateway = "198.18.77.1", Address = "198.18.77.2";
    private const string Forwarding = "/proc/sys/net/ipv4/ip_forward";

    // What is undone when it ends, in this order.
    private static readonly string[][] Rules =
    [
        ["--table", "nat", "-C", "POSTROUTING", "--source", Network, "--jump", "MASQUERADE"],
        ["--table", "filter", "-C", "FORWARD", "--in-interface", Link, "--jump", "ACCEPT"],
        ["--table", "filter", "-C", "FORWARD", "--out-interface", Link, "--jump", "ACCEPT"],
    ];

    private readonly string _forwardedBefore;

    private EngineNetwork(string forwardedBefore, string mtu) => (_forwardedBefore, Mtu) = (forwardedBefore, mtu);

    /// <summary>Largest packet, in bytes, as this machine's own way out has it. A bridge that takes larger ones loses them.</summary>
    public string Mtu { get; }

    /// <summary>File of the namespace.</summary>
    public static string Namespace => "/run/netns/" + Name;

    public static async Task<EngineNetwork> CreateAsync(CancellationToken cancellationToken)
    {
        await RemoveAsync();
        const string ReadMtu = "cat /sys/class/net/$(ip route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p;q')/mtu";
        var mtu = (await Tool.RunAsync("sh", ["-ec", ReadMtu], cancellationToken)).Output.Trim();
        var network = new EngineNetwork((await File.ReadAllTextAsync(Forwarding, cancellationToken)).Trim(), mtu);
        try
        {
            await Tool.RunAsync("sh",
                [
                    "-ec",
                    $"""
                    ip netns add {Name}
                    ip link add {Link} type veth peer name {Inner} netns {Name}
                    ip link set {Link} mtu {mtu}
                    ip -n {Name} link set {Inner} mtu {mtu}
                    ip address add {Gateway}/30 dev {Link}
                    ip link set {Link} up
                    ip -n {Name} address add {Address}/30 dev {Inner}
                    ip -n {Name} link set lo up
                    ip -n {Name} link set {Inner} up
                    ip -n {Name} route add default via {Gateway}
                    """,
                ], cancellationToken);
            foreach (var rule in Rules)
                await Tool.RunAsync("iptables", [.. rule.Select(word => word == "-C" ? "-I" : word)], cancellationToken);
            await File.WriteAllTextAsync(Forwarding, "1", cancellationToken);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await RemoveAsync();
        await File.WriteAllTextAsync(Forwarding, _forwardedBefore);
    }

    /// <summary>Also what an earlier run left that was killed.</summary>
    private static async Task RemoveAsync()
    {
        foreach (var rule in Rules)
            await Tool.RunAsync("sh", ["-c", "while iptables \"$@\" 2>/dev/null; do iptables $(printf '%s ' \"$@\" | sed 's/ -C / -D /') || exit 1; done", "sh", .. rule], CancellationToken.None);
        await Tool.RunAsync("sh", ["-c", $"[ ! -e {Namespace} ] || ip netns delete {Name}; [ ! -e /sys/class/net/{Link} ] || ip link delete {Link}"], CancellationToken.None);
    }
}
