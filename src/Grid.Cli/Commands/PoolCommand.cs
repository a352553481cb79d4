using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Grid.Cli.Remote;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;

namespace Grid.Cli.Commands;

/// <summary><c>grid node</c> and <c>grid queue</c>: the machines of a running grid, and what waits for them. For operators.</summary>
internal static class PoolCommand
{
    private static readonly Argument<string> Node = new("node") { Description = "Name of the node, as 'grid node list' shows it" };
    private static readonly Option<string> Pool = new("--pool") { Description = "Pool of nodes that share a queue", DefaultValueFactory = _ => BuildRequest.DefaultPool };
    private static readonly Option<int> Limit = new("--limit") { Description = "How many of those that wait", DefaultValueFactory = _ => 20 };
    private static readonly Option<bool> Json = new("--json") { Description = "JSON on standard output" };

    public static Command CreateNode() => new("node", "Nodes of a running grid")
    {
        Make("list", "Show nodes with their slots", [Json], ListAsync),
        Make("drain", "Give a node no new builds; what runs there goes on", [Node], (parsed, client, token) => DrainAsync(parsed, client, drain: true, token)),
        Make("undrain", "Give a node builds again", [Node], (parsed, client, token) => DrainAsync(parsed, client, drain: false, token)),
    };

    public static Command CreateQueue() => Make("queue", "What runs and what waits in a running grid, and why", [Limit, Json], QueueAsync);

    private static Command Make(string name, string description, IReadOnlyList<Symbol> symbols, Func<ParseResult, GridClient, CancellationToken, Task> action) =>
        RemoteCommand.Make(name, description, [Pool, .. symbols], (parsed, client, _, token) => action(parsed, client, token));

    private static async Task ListAsync(ParseResult parsed, GridClient client, CancellationToken cancellationToken)
    {
        var nodes = (await client.ListNodesAsync(parsed.GetValue(Pool)!, cancellationToken)).Items;
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(nodes, GridClient.Json));
            return;
        }
        foreach (var node in nodes)
            Console.WriteLine($"{node.Name}  {node.Used} of {node.Slots} slots{(node.Guests > 0 ? $", {node.Guests} guests" : "")}{(node.Draining ? ", draining" : "")}  seen {At(node.LastSeen)}");
    }

    private static async Task DrainAsync(ParseResult parsed, GridClient client, bool drain, CancellationToken cancellationToken)
    {
        var node = await client.DrainNodeAsync(parsed.GetValue(Pool)!, parsed.GetValue(Node)!, drain, cancellationToken);
        Console.WriteLine(drain ? $"{node.Name} gets no new builds; {node.Used} are at home there" : $"{node.Name} gets builds again");
    }

    private static async Task QueueAsync(ParseResult parsed, GridClient client, CancellationToken cancellationToken)
    {
        var queue = await client.GetQueueAsync(parsed.GetValue(Pool)!, parsed.GetValue(Limit), cancellationToken);
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(queue, GridClient.Json));
            return;
        }
        Console.WriteLine($"{queue.Running.Count} running, {queue.WaitingCount} waiting");
        foreach (var build in queue.Running)
            Console.WriteLine($"runs   {build.Build}  {build.App}  on {build.Node ?? "no node yet"}{(build.RunExtensionNode is { } other && other != build.Node ? $" and {other}" : "")}  since {At(build.Since)}");
        foreach (var place in queue.Waiting)
            Console.WriteLine($"waits  {place.Build}  {place.Position}.  {place.Reason}{(place.EstimateSeconds is { } seconds ? $"; starts in about {seconds.ToString("0", CultureInfo.InvariantCulture)} s" : "")}");
    }

    private static string At(DateTimeOffset time) => time.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture);
}
