using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Networks;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>
/// A host that is not this machine: a network namespace behind a cable, with two addresses and TCP and UDP services on two ports of each, in this process. UDP answers with what it
/// got. Nothing is left of it when it is disposed. Needs root; a program that was started by one who is root is told where the host is.
/// </summary>
internal sealed class ForeignHost : IDisposable
{
    private const string Variable = "GRID_TEST_FOREIGN_HOST";
    private readonly SafeFileHandle? _namespace;
    private readonly List<Socket> _sockets = [];
    private int _connections, _datagrams;

    private ForeignHost(SafeFileHandle? ns, string network, int port, int otherPort) => (_namespace, Network, Port, OtherPort) = (ns, network, port, otherPort);

    /// <summary>The first three numbers of its addresses.</summary>
    public string Network { get; }

    public IPAddress Address => IPAddress.Parse($"{Network}.2");

    public IPAddress OtherAddress => IPAddress.Parse($"{Network}.3");

    /// <summary>The cable's end on this machine.</summary>
    public IPAddress Machine => IPAddress.Parse($"{Network}.1");

    public int Port { get; }

    public int OtherPort { get; }

    /// <summary>Connections that were made to it.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Datagrams it got.</summary>
    public int Datagrams => Volatile.Read(ref _datagrams);

    /// <summary>What tells a program where the host is: <c>NAME=value</c>.</summary>
    public string Assignment => string.Create(CultureInfo.InvariantCulture, $"{Variable}={Network}/{Port}/{OtherPort}");

    /// <summary>Makes one, or takes the one this program was told of; skips the test where neither can be.</summary>
    public static ForeignHost Make()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } told)
            return told.Split('/') is [var known, var one, var two] ? new ForeignHost(null, known, int.Parse(one, CultureInfo.InvariantCulture), int.Parse(two, CultureInfo.InvariantCulture)) : throw new FormatException(told);
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/bin/slirp4netns"))
            Assert.Skip("needs root and slirp4netns");
        var ns = NewNamespace();
        var id = RandomNumberGenerator.GetBytes(4);
        var network = string.Create(CultureInfo.InvariantCulture, $"10.{64 + id[0] % 128}.{id[1]}");
        var name = "gf" + Convert.ToHexStringLower(id);
        var inside = $"nsenter --net=/proc/{Environment.ProcessId}/fd/{Libc.Raw(ns)}";
        Run($"""
            set -e
            {inside} ip link add eth0 type veth peer name {name} netns {Environment.ProcessId}
            ip addr add {network}.1/24 dev {name}
            ip link set {name} up
            {inside} ip addr add {network}.2/24 dev eth0
            {inside} ip addr add {network}.3/24 dev eth0
            {inside} ip link set lo up
            {inside} ip link set eth0 up
            """);
        var listeners = NetworkNamespace.Inside(ns, () => new[] { Listen(), Listen() });
        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndPoint!).Port).ToArray();
        var host = new ForeignHost(ns, network, ports[0], ports[1]);
        foreach (var listener in listeners)
            host.Serve(listener);
        foreach (var port in ports.SelectMany(port => new[] { (host.Address, port), (host.OtherAddress, port) }))
            host.Echo(NetworkNamespace.Inside(ns, () => BindUdp(port.Item1, port.port)));
        return host;
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        _namespace?.Dispose();
    }

    private void Serve(Socket listener)
    {
        _sockets.Add(listener);
        _ = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    using var connection = await listener.AcceptAsync();
                    Interlocked.Increment(ref _connections);
                }
            }
            catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
            {
            }
        });
    }

    private void Echo(Socket socket)
    {
        _sockets.Add(socket);
        _ = Task.Run(async () =>
        {
            try
            {
                var buffer = new byte[2000];
                while (true)
                {
                    var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
                    Interlocked.Increment(ref _datagrams);
                    await socket.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), SocketFlags.None, received.RemoteEndPoint);
                }
            }
            catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
            {
            }
        });
    }

    private static SafeFileHandle NewNamespace()
    {
        SafeFileHandle? ns = null;
        var thread = new Thread(() =>
        {
            Libc.UnshareNetwork();
            ns = Libc.OpenRead("/proc/thread-self/ns/net");
        });
        thread.Start();
        thread.Join();
        return ns.ShouldNotBeNull();
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        socket.Listen();
        return socket;
    }

    private static Socket BindUdp(IPAddress address, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    private static void Run(string script)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", script]) { UseShellExecute = false, RedirectStandardError = true };
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, errors);
    }
}
