using System.Net;
using System.Net.Sockets;

namespace Grid.Grains.Tests.Contracts;

/// <summary>A cluster of two nodes, each of another build and a process of its own.</summary>
public sealed class TwoBuilds : IAsyncLifetime
{
    internal BuildProcess Earlier { get; private set; } = null!;

    internal BuildProcess Later { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var (first, second) = FreePorts();
        Earlier = BuildProcess.Start("Earlier", "earlier", first, first);
        // The first node keeps the list of them.
        await Earlier.SeesAsync(1);
        Later = BuildProcess.Start("Later", "later", second, first);
        await Later.SeesAsync(2);
        await Earlier.SeesAsync(2);
    }

    public async ValueTask DisposeAsync()
    {
        // The first one keeps the list of nodes, which the other one leaves.
        if (Later is not null)
            await Later.DisposeAsync();
        if (Earlier is not null)
            await Earlier.DisposeAsync();
    }

    private static (int First, int Second) FreePorts()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
