using System.CommandLine;
using System.Globalization;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;

namespace Grid.Cli.Commands;

/// <summary><c>grid builds</c>, <c>grid logs</c> and <c>grid cancel</c>: the builds of a running grid.</summary>
internal static class BuildsCommand
{
    private static readonly Argument<string> Build = new("build") { Description = "Id of the build, as 'grid builds' shows it" };
    private static readonly Option<string?> App = new("--app") { Description = "Only builds of this app" };
    private static readonly Option<int> Limit = new("--limit") { Description = "How many", DefaultValueFactory = _ => 20 };
    private static readonly Option<bool> Json = new("--json") { Description = "JSON on standard output" };

    public static Command Create()
    {
        var command = new Command("builds", "Builds of a running grid, newest first") { App, Limit, Json };
        ServerFlags.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync("builds", parsed, async (grid, tenant) =>
        {
            var page = await grid.Client.ListBuildsAsync(tenant, parsed.GetValue(App), null, parsed.GetValue(Limit), cancellationToken);
            if (parsed.GetValue(Json))
                Console.WriteLine(System.Text.Json.JsonSerializer.Serialize(page.Items, GridClient.Json));
            else
                page.Items.ToList().ForEach(b => Console.WriteLine(Line(b)));
            return 0;
        }));
        return command;
    }

    public static Command CreateLogs()
    {
        var command = new Command("logs", "What happens in a build of a running grid, from its begin to its end") { Build, Json };
        ServerFlags.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync("logs", parsed, async (grid, tenant) =>
        {
            var end = await EventScreen.ShowAsync(grid.Client.WatchBuildAsync(tenant, parsed.GetValue(Build)!, 0, cancellationToken), parsed.GetValue(Json), "Build");
            return end.ExitCode;
        }));
        return command;
    }

    public static Command CreateCancel()
    {
        var command = new Command("cancel", "Ask a build of a running grid to stop") { Build };
        ServerFlags.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync("cancel", parsed, async (grid, tenant) =>
        {
            var build = await grid.Client.CancelBuildAsync(tenant, parsed.GetValue(Build)!, cancellationToken);
            Console.WriteLine(build.State == BuildState.Running ? "the build is told to stop" : $"the build is at its end: {build.State.ToString().ToLowerInvariant()}");
            return 0;
        }));
        return command;
    }

    private static async Task<int> RunAsync(string command, ParseResult parsed, Func<RemoteGrid, string, Task<int>> action)
    {
        try
        {
            var server = ServerFlags.Read(parsed) ?? throw new LifecycleException(ExitCode.InvalidArgs, "name a running grid with --server, GRID_SERVER or 'grid login'");
            using var grid = new RemoteGrid(server);
            return await action(grid, server.Tenant);
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid {command}: {error.Message}");
            return error.ExitCode;
        }
    }

    private static string Line(BuildResource build) => string.Join("  ",
        build.Id, build.SubmittedAt.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), build.State.ToString().ToLowerInvariant().PadRight(9), build.App,
        build.Failure is { } failure ? Words.Printable(failure.Message.Split('\n')[0]) : build.Digest ?? "");
}
