using System.Collections.Concurrent;
using Grid.Client;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>Three nodes of a grid with a Redis, an Azurite and a registry of their own, all of which can be broken.</summary>
internal sealed class ChaosGrid : IAsyncDisposable
{
    public const int Size = 3;
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly ConcurrentDictionary<Uri, HttpClient> _clients = new();
    private int _turn;

    private ChaosGrid(Workbench bench, NodeNetwork network) => (Bench, Network) = (bench, network);

    public Workbench Bench { get; }

    public NodeNetwork Network { get; }

    public ServerProcess Redis { get; private set; } = null!;

    public ServerProcess Azurite { get; private set; } = null!;

    /// <summary>The registry as nodes see it.</summary>
    public RegistryFaults Registry { get; private set; } = null!;

    public IReadOnlyList<ChaosNode> Nodes { get; private set; } = [];

    /// <summary>The builder image in the registry.</summary>
    public string Builder => $"{Registry.Host}/builders/chaos:1";

    /// <summary>Starts it all.</summary>
    /// <param name="bench">The test's world.</param>
    /// <param name="network">Where nodes are; it ends with the grid.</param>
    /// <param name="pace">Seconds between the lines of <see cref="ChaosBuilder"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="probeTimeout">Milliseconds after which a probe of a silo counts as missed; where no node is killed, one on a busy machine need not be suspected.</param>
    public static async Task<ChaosGrid> StartAsync(Workbench bench, NodeNetwork network, string pace, CancellationToken cancellationToken, int probeTimeout = 2000)
    {
        var grid = new ChaosGrid(bench, network);
        try
        {
            await grid.StartServicesAsync(pace);
            string[] flags = [.. grid.CommonFlags(), "--cluster-membership", "redis", "--state-storage", "azure", "--content-shared", "azure", "--events-storage", "azure",
                "--listen-silo-port", "0", "--listen-gateway-port", "0", "--listen-http-port", "0", "--node-slots", "2",
                "--cluster-probe-timeout", $"{probeTimeout}"];
            bench.Environment["GRID_REDIS_CONNECTION"] = TestServers.RedisConnection(grid.Redis);
            bench.Environment["GRID_AZURE_CONNECTION"] = TestServers.AzureConnection(grid.Azurite);
            grid.Nodes = [.. Enumerable.Range(0, Size).Select(n => grid.Add(new ChaosNode(bench, $"n{n}", network.Enter(n),
                [.. flags, "--listen-address", $"{network.AddressOf(n)}", "--listen-http-address", $"{network.AddressOf(n)}"])))];
            await Task.WhenAll(grid.Nodes.Select(n => n.StartAsync(cancellationToken)));
            return grid;
        }
        catch
        {
            await grid.DisposeAsync();
            throw;
        }
    }

    /// <summary>A grid of one process with files, which nothing happens to: what it builds is what the others must build.</summary>
    public async Task<ChaosNode> StartCalmNodeAsync(CancellationToken cancellationToken)
    {
        var calm = Add(new ChaosNode(Bench, "calm", [], [.. CommonFlags(), "--listen-silo-port", "0", "--listen-gateway-port", "0", "--listen-http-port", "0", "--node-slots", "4"]));
        await calm.StartAsync(cancellationToken);
        return calm;
    }

    /// <summary>A node that runs, each time another one; null when none does.</summary>
    public Uri? Any() => Nodes.Select(n => n.Address).OfType<Uri>().ToArray() is { Length: > 0 } running
        ? running[(int)((uint)Interlocked.Increment(ref _turn) % running.Length)] : null;

    /// <summary>The API of a node, as the operator.</summary>
    public GridClient ClientOf(Uri node) => new(HttpOf(node), File.ReadAllText(OperatorKey).Trim());

    /// <summary>Whether all nodes are ready and see each other. One that was given up without knowing it is not seen by the others.</summary>
    public async Task<bool> IsWholeAsync(CancellationToken cancellationToken) =>
        (await Task.WhenAll(Nodes.Select(n => SeenByAsync(n, cancellationToken)))).All(seen => Nodes.All(n => seen.Contains($"\"{n.Name}\"", StringComparison.Ordinal)));

    /// <summary>What a node that is ready says of the cluster; nothing of one that is not.</summary>
    private async Task<string> SeenByAsync(ChaosNode node, CancellationToken cancellationToken)
    {
        try
        {
            return node.Address is { } address ? await HttpOf(address).GetStringAsync(new Uri("/health/ready", UriKind.Relative), cancellationToken) : "";
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return "";
        }
    }

    /// <summary>The node on which a build's buildpack is held, as soon as one is.</summary>
    public Task<ChaosNode> HolderOfAsync(AcceptedBuild build, CancellationToken cancellationToken) =>
        FirstAsync(() => Nodes.FirstOrDefault(n => n.HasSandbox($"-{build.Id}-Build-") && File.Exists(Path.Combine(n.Workspace(build), ChaosBuilder.Hold))), cancellationToken);

    /// <summary>Looks until there is something to see.</summary>
    public static async Task<T> FirstAsync<T>(Func<T?> look, CancellationToken cancellationToken)
        where T : class
    {
        while (true)
        {
            if (look() is { } found)
                return found;
            await Task.Delay(TimeSpan.FromMilliseconds(25), cancellationToken);
        }
    }

    /// <summary>Where somebody asked for it (<c>GRID_CHAOS_LOGS</c>), writes what nodes printed and what the registry was asked into a directory.</summary>
    public async Task SaveAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("GRID_CHAOS_LOGS") is not { Length: > 0 } logs)
            return;
        var directory = Directory.CreateDirectory(Path.Combine(logs, name)).FullName;
        foreach (var node in Nodes)
            await File.WriteAllTextAsync(Path.Combine(directory, node.Name + ".log"), node.Log);
        await File.WriteAllLinesAsync(Path.Combine(directory, "registry.log"), Registry.Requests.Select(r => r.ToString()));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
            await part.DisposeAsync();
        await Network.DisposeAsync();
        foreach (var client in _clients.Values)
            client.Dispose();
    }

    private string OperatorKey => Path.Combine(Bench.Root, "operator-key");

    private string[] CommonFlags() => ["--insecure-registry", Registry.Host, "--api-operator-key-file", OperatorKey];

    private async Task StartServicesAsync(string pace)
    {
        var registry = Add(await LoopbackRegistry.StartAsync(Path.Combine(Bench.Root, "registry")));
        Registry = Add(await RegistryFaults.StartAsync(Network.Host, registry.Host));
        Redis = Add(await TestServers.StartOwnRedisAsync(Network.Host));
        Azurite = Add(await TestServers.StartOwnAzuriteAsync(Network.Host));
        await registry.PushAsync(Bench.Images.Run, "base/run:1");
        Bench.Builder.RunImage = $"{Registry.Host}/base/run:1";
        ChaosBuilder.AddTo(Bench.Builder, pace);
        var created = await Bench.GridAsync("builder", "create", "--config", Path.Combine(Bench.Builder.Write(), "builder.toml"), "--insecure-registry", Registry.Host, "--output", Builder);
        created.ExitCode.ShouldBe(0, created.ToString());
    }

    private HttpClient HttpOf(Uri node) => _clients.GetOrAdd(node, address => new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromSeconds(20) });

    private T Add<T>(T part) where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
