using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>Makes faults come about in a grid, and lets them pass.</summary>
internal static class FaultInjection
{
    public static async Task MeetAsync(this ChaosGrid grid, Fault fault, CancellationToken cancellationToken)
    {
        var node = grid.Nodes[fault.Node];
        switch (fault.Kind)
        {
            case FaultKind.Kill:
                await node.KillAsync();
                await Task.Delay(fault.Lasts, cancellationToken);
                await node.StartAsync(cancellationToken);
                break;
            case FaultKind.Stop:
                (await node.StopAsync()).ShouldBe(0, $"node {node.Name} was asked to stop");
                await Task.Delay(fault.Lasts, cancellationToken);
                await node.StartAsync(cancellationToken);
                break;
            case FaultKind.Hang:
                await node.SignalAsync("STOP");
                await Task.Delay(fault.Lasts, cancellationToken);
                await node.SignalAsync("CONT");
                break;
            case FaultKind.KillRedis:
                await grid.Redis.KillAsync();
                await Task.Delay(fault.Lasts, cancellationToken);
                await grid.Redis.StartAsync();
                break;
            case FaultKind.StopAzurite:
                await grid.Azurite.StopAsync();
                await Task.Delay(fault.Lasts, cancellationToken);
                await grid.Azurite.StartAsync();
                break;
            case FaultKind.HangRedis or FaultKind.HangAzurite:
                await HangAsync(fault.Kind == FaultKind.HangRedis ? grid.Redis : grid.Azurite, fault.Lasts, cancellationToken);
                break;
            case FaultKind.Cut:
                foreach (var other in Others(fault.Node))
                    await grid.Network.CutAsync(fault.Node, other);
                await Task.Delay(fault.Lasts, cancellationToken);
                foreach (var other in Others(fault.Node))
                    await grid.Network.MendAsync(fault.Node, other);
                break;
            case FaultKind.Unplug:
                await grid.Network.PlugAsync(fault.Node, connected: false);
                await Task.Delay(fault.Lasts, cancellationToken);
                await grid.Network.PlugAsync(fault.Node, connected: true);
                break;
            default:
                var kind = fault.Kind switch { FaultKind.RegistryErrors => RegistryFault.Error, FaultKind.RegistryStalls => RegistryFault.Stall, _ => RegistryFault.LoseAnswer };
                grid.Registry.Begin(_ => kind);
                await Task.Delay(fault.Lasts, cancellationToken);
                grid.Registry.End();
                break;
        }
    }

    /// <summary>Starts nodes again that gave up, as a service manager does: one that was taken for dead has to.</summary>
    public static async Task SuperviseAsync(this ChaosGrid grid, CancellationToken cancellationToken)
    {
        foreach (var node in grid.Nodes.Where(n => n.HasGivenUp))
            await node.StartAsync(cancellationToken);
    }

    private static IEnumerable<int> Others(int node) => Enumerable.Range(0, ChaosGrid.Size).Where(n => n != node);

    private static async Task HangAsync(ServerProcess server, TimeSpan lasts, CancellationToken cancellationToken)
    {
        await server.SignalAsync("STOP");
        try
        {
            await Task.Delay(lasts, cancellationToken);
        }
        finally
        {
            await server.SignalAsync("CONT");
        }
    }
}
