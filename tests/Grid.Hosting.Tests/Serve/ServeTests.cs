using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Hosting.Storage;
using Grid.Hosting.Tests.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Clustering.Redis;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Grid.Hosting.Tests.Serve;

/// <summary>Nodes as processes with real services: what <c>docs/operate.md</c> describes.</summary>
public sealed class ServeTests(TestServers servers)
{
    private const string Control = "--role=control";
    private readonly string _id = Guid.NewGuid().ToString("n")[..8];

    private async Task<Dictionary<string, string>> RedisAndAzureAsync() => new()
    {
        ["GRID_CLUSTER_MEMBERSHIP"] = "redis", ["GRID_REDIS_CONNECTION"] = await servers.RedisAsync(), ["GRID_AZURE_CONNECTION"] = await servers.AzureAsync(),
        ["GRID_STATE_STORAGE"] = "azure", ["GRID_CONTENT_SHARED"] = "azure", ["GRID_EVENTS_STORAGE"] = "azure", ["GRID_CLUSTER_ID"] = _id, ["GRID_CLUSTER_SERVICE"] = _id,
    };

    [Fact]
    public async Task Three_nodes_find_each_other_and_go_on_when_one_is_killed()
    {
        var variables = await RedisAndAzureAsync();
        await using NodeProcess one = new("one", variables), two = new("two", variables), three = new("three", variables);
        foreach (var node in new[] { one, two, three })
            node.Start(Control);
        foreach (var node in new[] { one, two, three })
            await node.SeesAsync("one", "two", "three");
        using var client = await ConnectAsync(variables["GRID_REDIS_CONNECTION"]);
        var grains = client.Services.GetRequiredService<IGrainFactory>();
        for (var n = 0; n < 12; n++)
            await grains.GetGrain<IAppGrain>($"tenant/app{n}").PublishedAsync(new AppBuild { Summary = new AppBuildSummary($"tenant/{n}", new PublishedImage("sha256:" + new string('a', 64), []), DateTimeOffset.UnixEpoch) });

        await two.KillAsync();
        await one.SeesAsync("one", "three");
        await three.SeesAsync("one", "three");
        for (var n = 0; n < 12; n++)
            (await RetryAsync(() => grains.GetGrain<IAppGrain>($"tenant/app{n}").GetAsync())).Builds.ShouldHaveSingleItem().BuildKey.ShouldBe($"tenant/{n}");

        two.Start(Control);
        await one.SeesAsync("one", "two", "three");
        (await three.StopAsync()).ShouldBe(0, three.Log);
        await one.SeesAsync("one", "two");
        three.Log.ShouldContain("node three has stopped");
    }

    [Fact]
    public async Task Nodes_find_each_other_in_PostgreSQL()
    {
        var variables = new Dictionary<string, string>
        {
            ["GRID_CLUSTER_MEMBERSHIP"] = "postgresql", ["GRID_POSTGRESQL_CONNECTION"] = await servers.PostgreSqlAsync(), ["GRID_AZURE_CONNECTION"] = await servers.AzureAsync(),
            ["GRID_STATE_STORAGE"] = "postgresql", ["GRID_CONTENT_SHARED"] = "azure", ["GRID_EVENTS_STORAGE"] = "azure", ["GRID_CLUSTER_ID"] = _id, ["GRID_CLUSTER_SERVICE"] = _id,
        };
        await using NodeProcess one = new("one", variables), two = new("two", variables);
        one.Start(Control);
        two.Start(Control);
        await one.SeesAsync("one", "two");
        await two.SeesAsync("one", "two");

        (await two.StopAsync()).ShouldBe(0, two.Log);
        await one.SeesAsync("one");
    }

    [Fact]
    public async Task A_node_with_the_name_of_a_living_one_is_refused_and_with_that_of_a_dead_one_is_not()
    {
        var variables = await RedisAndAzureAsync();
        await using NodeProcess one = new("one", variables), two = new("two", variables), again = new("one", variables);
        one.Start(Control);
        two.Start(Control);
        await two.SeesAsync("one", "two");

        again.Start(Control);
        (await again.EndAsync()).ShouldNotBe(0);
        again.Log.ShouldMatch(@"node one cannot start: the name one is taken by the node at 127\.0\.0\.1:\d+; give this one another with --node-name");
        await two.SeesAsync("one", "two");

        // Nobody has noticed yet that it is dead.
        await one.KillAsync();
        again.Start(Control);
        await again.SeesAsync("one", "two");
    }

    [Fact]
    public async Task A_node_whose_service_does_not_answer_says_so_and_does_not_start()
    {
        var variables = await RedisAndAzureAsync();
        variables["GRID_REDIS_CONNECTION"] = $"127.0.0.1:{LoopbackPort.Free()},connectTimeout=500";
        await using var node = new NodeProcess("alone", variables);
        node.Start(Control);

        (await node.EndAsync()).ShouldNotBe(0);
        node.Log.ShouldContain("grid serve: node alone cannot start:");
    }

    [Fact]
    public async Task Settings_that_are_wrong_are_all_named_and_nothing_starts()
    {
        await using var node = new NodeProcess("wrong", new Dictionary<string, string> { ["GRID_CLUSTER_MEMBERSHIP"] = "redis", ["GRID_STATE_STORAGE"] = "shelf" });
        node.Start("--listen-address", "nowhere");

        (await node.EndAsync()).ShouldBe(3);
        foreach (var text in new[] { "GRID_STATE_STORAGE 'shelf'", "--listen-address 'nowhere'", "redis.connection: is missing", "content.shared", "events.storage" })
            node.Log.ShouldContain("grid serve: " + text);
        node.Log.ShouldNotContain("is ready");
    }

    private async Task<IHost> ConnectAsync(string redis)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddGridSerialization();
        builder.UseOrleansClient(client => client
            .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (_id, _id))
            .Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2))
            .UseRedisClustering(o => o.ConfigurationOptions = Connections.Redis(redis)));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <summary>A call to a node that has just died fails until the others know.</summary>
    private static async Task<T> RetryAsync<T>(Func<Task<T>> call)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (e is OrleansException or TimeoutException && attempt < 400)
            {
                await Task.Delay(250);
            }
        }
    }
}
