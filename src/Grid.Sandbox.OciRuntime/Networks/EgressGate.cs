using System.Net;
using Grid.Oci.Network;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>
/// The way out of one network, closed but for what is listed: by the filter of its tap device, which no process gets around, and by routes, so that a program is told at once that
/// something is out of reach. Addresses of listed names are opened one by one, as they are asked for.
/// </summary>
internal sealed class EgressGate : IDisposable
{
    /// <summary>Most addresses that names open: a filter has an end, and a zone can have as many as its owner likes.</summary>
    public const int MaxAddresses = 256;

    private static readonly IPAddress Router = IPAddress.Parse("10.0.2.2");
    private static readonly IPNetwork[] Loopback = [IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("127.0.0.0/8")];
    private static readonly IPNetwork Own = IPNetwork.Parse("10.0.2.0/24"), Everywhere = IPNetwork.Parse("0.0.0.0/0");

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _tap;
    private readonly SafeFileHandle _routes;
    private readonly IReadOnlyList<IPNetwork> _closed;
    private readonly List<FilterRule> _open;
    private readonly HashSet<FilterRule> _known = [];
    private readonly HashSet<IPAddress> _addresses = [];
    private bool _disposed;

    private EgressGate(SafeFileHandle tap, SafeFileHandle routes, IReadOnlyList<IPNetwork> closed, List<FilterRule> open) =>
        (_tap, _routes, _closed, _open) = (tap, routes, closed, open);

    /// <summary>Closes a network that has a default route, before anything runs in it.</summary>
    /// <param name="tap">Its tap device.</param>
    /// <param name="routes">A socket in it.</param>
    /// <param name="list">What stays open.</param>
    /// <remarks>Takes both handles.</remarks>
    public static EgressGate Close(SafeFileHandle tap, SafeFileHandle routes, EgressList list)
    {
        var open = list.Entries.Where(entry => entry.Network is not null).Select(entry => new FilterRule(entry.Network!.Value, entry.Port)).ToList();
        var gate = new EgressGate(tap, routes, [.. Loopback, Own, .. NetworkNamespace.Closed()], open);
        try
        {
            gate.SetFilter(open);
            NetworkCalls.Delete(routes, RouteEntry.Through(Router, Everywhere));
            foreach (var network in open.Select(rule => rule.Network).Distinct())
                gate.AddRoute(network);
            return gate;
        }
        catch (IOException)
        {
            gate.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Keeps closed in a network without a list what its routes keep closed: a process with CAP_NET_RAW, which a RUN as root has, writes frames past all routes.
    /// </summary>
    /// <param name="tap">Its tap device; the filter stays with it.</param>
    public static void KeepClosed(SafeFileHandle tap) => NetworkCalls.SetFilter(tap, TapFilter.Build([.. Loopback, .. NetworkNamespace.Closed()], [new FilterRule(Everywhere, 0)]));

    /// <summary>Whether an address is out of reach whatever is listed.</summary>
    public bool IsClosed(IPAddress address) => _closed.Any(network => network.Contains(address));

    /// <summary>Opens the way to an address; false when as many are open as can be, or the network is gone.</summary>
    /// <param name="address">IPv4, not closed.</param>
    /// <param name="ports">The ports; 0 for all.</param>
    /// <exception cref="IOException">The kernel does not do it; the way is closed as before.</exception>
    public bool TryOpen(IPAddress address, IReadOnlyList<int> ports)
    {
        var network = new IPNetwork(address, 32);
        lock (_gate)
        {
            if (_disposed)
                return false;
            var fresh = (ports.Contains(0) ? [0] : ports).Select(port => new FilterRule(network, port)).Where(rule => !_known.Contains(rule)).ToList();
            if (fresh.Count == 0)
                return true;
            if (_known.Count + fresh.Count > MaxAddresses)
                return false;
            SetFilter([.. _open, .. fresh]);
            _open.AddRange(fresh);
            _known.UnionWith(fresh);
            if (_addresses.Add(address))
                AddRoute(network);
            return true;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _tap.Dispose();
            _routes.Dispose();
        }
    }

    private void SetFilter(IEnumerable<FilterRule> open) => NetworkCalls.SetFilter(_tap, TapFilter.Build(_closed, open));

    /// <summary>A block that is closed has its route already, which answers "unreachable"; so have addresses that are listed themselves.</summary>
    private void AddRoute(IPNetwork network)
    {
        try
        {
            NetworkCalls.Add(_routes, RouteEntry.Through(Router, network));
        }
        catch (IOException known) when (known.HResult == Errno.Exists)
        {
        }
    }
}
