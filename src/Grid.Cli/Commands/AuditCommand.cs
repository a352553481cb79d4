using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client;

namespace Grid.Cli.Commands;

/// <summary><c>grid audit</c>: who did what in a tenant of a running grid, or in the grid.</summary>
internal static class AuditCommand
{
    private static readonly Option<bool> Grid = new("--grid") { Description = "The grid's own log, for operators: what they did, and what was refused to others" };
    private static readonly Option<int> Limit = new("--limit") { Description = "How many", DefaultValueFactory = _ => 50 };
    private static readonly Option<string?> After = new("--after") { Description = "Only entries older than this number" };
    private static readonly Option<bool> Json = new("--json") { Description = "JSON on standard output" };

    public static Command Create() => RemoteCommand.Make("audit", "Who did what in a tenant of a running grid, newest first", [Grid, Limit, After, Json], async (parsed, client, tenant, token) =>
    {
        var page = parsed.GetValue(Grid)
            ? await client.ListGridAuditAsync(parsed.GetValue(After), parsed.GetValue(Limit), token)
            : await client.ListAuditAsync(tenant, parsed.GetValue(After), parsed.GetValue(Limit), token);
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(page.Items, GridClient.Json));
            return;
        }
        foreach (var entry in page.Items)
            Console.WriteLine(Words.Printable($"{entry.Number}  {entry.At.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}  {entry.Actor}  {entry.Action}  {entry.Object}  {entry.Result}  {entry.RequestId}"));
    });
}
