using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>
/// Where the nodes of a grid are: all on loopback, or each in a network namespace of its own with a cable to one bridge, so that the way between two
/// of them can be cut. Services and the test are at <see cref="Host"/>. Namespaces live as long as the processes that hold them: nothing is left of them.
/// </summary>
internal sealed class NodeNetwork : IAsyncDisposable
{
    private const string Nowhere = "02:00:00:00:00:01";
    private readonly string? _bridge;
    private readonly byte[] _subnet;
    private readonly List<Process> _holders = [];

    private NodeNetwork(string? bridge, byte[] subnet) => (_bridge, _subnet) = (bridge, subnet);

    /// <summary>Whether the way between nodes can be cut.</summary>
    public bool CanCut => _bridge is not null;

    /// <summary>Address of everything that is no node.</summary>
    public IPAddress Host => AddressOf(-1);

    public static NodeNetwork Loopback() => new(null, [127, 0, 0]);

    /// <summary>A bridge and a namespace for each node.</summary>
    public static async Task<NodeNetwork> BridgeAsync(int nodes)
    {
        var id = RandomNumberGenerator.GetBytes(3);
        var network = new NodeNetwork("gc" + Convert.ToHexStringLower(id), [10, (byte)(64 + id[0] % 128), id[1]]);
        try
        {
            await Tool.RunAsync("ip", "link", "add", network._bridge!, "type", "bridge");
            await Tool.RunAsync("ip", "addr", "add", $"{network.Host}/24", "dev", network._bridge!);
            await Tool.RunAsync("ip", "link", "set", network._bridge!, "up");
            for (var node = 0; node < nodes; node++)
                await network.AddNodeAsync(node);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public IPAddress AddressOf(int node) => _bridge is null ? IPAddress.Loopback : new IPAddress([.. _subnet, (byte)(node + 2)]);

    /// <summary>What starts a program at a node's place; the program replaces it.</summary>
    public IReadOnlyList<string> Enter(int node) => _bridge is null ? [] : ["nsenter", $"--net=/proc/{_holders[node].Id}/ns/net"];

    /// <summary>Nothing that one of the two sends reaches the other any more, and nobody is told.</summary>
    public Task CutAsync(int one, int other) => BothAsync(one, other, (node, address) =>
        ["ip", "neigh", "replace", $"{address}", "lladdr", Nowhere, "dev", "eth0", "nud", "permanent"]);

    public Task MendAsync(int one, int other) => BothAsync(one, other, (_, address) => ["ip", "neigh", "del", $"{address}", "dev", "eth0"]);

    /// <summary>Takes a node off the network, services included, or puts it back.</summary>
    public Task PlugAsync(int node, bool connected) => Tool.RunAsync("ip", "link", "set", $"{_bridge}{node}", connected ? "up" : "down");

    public async ValueTask DisposeAsync()
    {
        if (_bridge is null)
            return;
        foreach (var holder in _holders)
        {
            holder.Kill();
            await holder.WaitForExitAsync();
            holder.Dispose();
        }
        await Tool.TryAsync("ip", "link", "del", _bridge);
    }

    private async Task AddNodeAsync(int node)
    {
        var own = File.ResolveLinkTarget("/proc/self/ns/net", returnFinalTarget: false)!.Name;
        var holder = Tool.Start("unshare", ["--net", "sleep", "infinity"], new Dictionary<string, string?>());
        _holders.Add(holder);
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (File.ResolveLinkTarget($"/proc/{holder.Id}/ns/net", returnFinalTarget: false)!.Name == own)
            await Task.Delay(10, patience.Token);
        await Tool.RunAsync("ip", "link", "add", $"{_bridge}{node}", "type", "veth", "peer", "name", "eth0", "netns", $"{holder.Id}");
        await Tool.RunAsync("ip", "link", "set", $"{_bridge}{node}", "master", _bridge!, "up");
        await InAsync(node, "ip", "addr", "add", $"{AddressOf(node)}/24", "dev", "eth0");
        await InAsync(node, "ip", "link", "set", "lo", "up");
        await InAsync(node, "ip", "link", "set", "eth0", "up");
        await InAsync(node, "ip", "route", "add", "default", "via", $"{Host}");
    }

    private Task InAsync(int node, params string[] command) => Tool.RunAsync("nsenter", [$"--net=/proc/{_holders[node].Id}/ns/net", .. command]);

    private async Task BothAsync(int one, int other, Func<int, IPAddress, string[]> command)
    {
        await InAsync(one, command(one, AddressOf(other)));
        await InAsync(other, command(other, AddressOf(one)));
    }
}
