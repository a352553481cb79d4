using System.Net.Sockets;
using Grid.Hosting.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace Grid.Hosting.Serve;

/// <summary>
/// Refuses to start a node whose name another living node has: the queue would take the two for one node that restarts again and again, and each would
/// lose its work to the other. The name of a node that died is free, also before the cluster has noticed.
/// </summary>
internal sealed class NodeNameGuard(NodeOptions options, ILocalSiloDetails self, IServiceProvider services, TimeProvider time) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(3);

    /// <summary>How long a silo may not have said that it lives (it does every ten seconds) before one that cannot be reached is taken for dead.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(30);

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(NodeNameGuard), ServiceLifecycleStage.BecomeActive - 1, CheckAsync);

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        if (services.GetService<IMembershipTable>() is not { } table)
            return;
        var namesakes = (await table.ReadAllAsync(cancellationToken)).Members.Select(m => m.Item1)
            .Where(m => m.SiloName == options.Name && !m.SiloAddress.Equals(self.SiloAddress) && m.Status is SiloStatus.Active or SiloStatus.Joining or SiloStatus.ShuttingDown or SiloStatus.Stopping);
        foreach (var other in namesakes)
        {
            // Of two that start at the same time one may: the one that came first.
            if (other.Status == SiloStatus.Joining && (other.StartTime, other.SiloAddress).CompareTo((await OwnStartAsync(table, cancellationToken), self.SiloAddress)) > 0)
                continue;
            if (await IsAliveAsync(other, cancellationToken))
                throw new NodeNameTakenException(options.Name, other.SiloAddress.Endpoint.ToString());
        }
    }

    private async Task<DateTime> OwnStartAsync(IMembershipTable table, CancellationToken cancellationToken) => (await table.ReadRowAsync(self.SiloAddress, cancellationToken)).Members.Select(m => m.Item1.StartTime).FirstOrDefault(DateTime.MaxValue);

    /// <summary>One that takes connections lives; one that refuses them does not; of one that cannot be reached from here its own word counts.</summary>
    private async Task<bool> IsAliveAsync(MembershipEntry other, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(ConnectPatience);
        using var socket = new Socket(other.SiloAddress.Endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(other.SiloAddress.Endpoint, patience.Token);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return false;
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return time.GetUtcNow() - new DateTimeOffset(DateTime.SpecifyKind(other.IAmAliveTime, DateTimeKind.Utc)) < MaxSilence;
        }
    }
}

/// <summary>Another node has this node's name.</summary>
public sealed class NodeNameTakenException(string name, string address) : Exception(
    $"the name {name} is taken by the node at {address}; give this one another with --node-name, or stop that one first");
