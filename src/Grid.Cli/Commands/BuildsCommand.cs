using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;

namespace Grid.Cli.Commands;

/// <summary><c>grid builds</c>, <c>grid logs</c> and <c>grid cancel</c>: the builds of a running grid, or of this machine.</summary>
internal static class BuildsCommand
{
    private static readonly Argument<string> Build = new("build") { Description = "Id of the build, as 'grid builds' shows it" };
    private static readonly Option<string?> App = new("--app") { Description = "Only builds of this app" };
    private static readonly Option<int> Limit = new("--limit") { Description = "How many", DefaultValueFactory = _ => 20 };
    private static readonly Option<bool> Json = new("--json") { Description = "JSON on standard output" };

    public static Command Create()
    {
        var command = new Command("builds", "Builds of a running grid or of this machine, newest first") { App, Limit, Json };
        ServerFlags.AddTo(command);
        GridFlags.AddDataDirectoryTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync("builds", parsed, async (grid, tenant) =>
        {
            var page = await grid.Client.ListBuildsAsync(tenant, parsed.GetValue(App), null, parsed.GetValue(Limit), cancellationToken);
            if (parsed.GetValue(Json))
                Console.WriteLine(JsonSerializer.Serialize(page.Items, GridClient.Json));
            else
                page.Items.ToList().ForEach(b => Console.WriteLine(Line(b)));
            return 0;
        }, () => Task.FromResult(ListHere(parsed))));
        return command;
    }

    public static Command CreateLogs()
    {
        var command = new Command("logs", "What happens in a build of a running grid, or happened in one of this machine, from its begin to its end") { Build, Json };
        ServerFlags.AddTo(command);
        GridFlags.AddDataDirectoryTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync("logs", parsed, async (grid, tenant) =>
        {
            var end = await EventScreen.ShowAsync(grid.Client.WatchBuildAsync(tenant, parsed.GetValue(Build)!, 0, cancellationToken), parsed.GetValue(Json), "Build");
            return end.ExitCode;
        }, () => ShowHereAsync(parsed)));
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
        }, () => throw new LifecycleException(ExitCode.InvalidArgs,
            "a build of this machine ends with the command that runs it: interrupt that one (Ctrl-C, or SIGTERM to its process); for a running grid use --server, GRID_SERVER or 'grid login'")));
        return command;
    }

    private static int ListHere(ParseResult parsed)
    {
        if (parsed.GetValue(App) is not null)
            throw new LifecycleException(ExitCode.InvalidArgs, "--app: builds of this machine are listed by their images; leave it out");
        using var events = LocalBuilds.Open(GridFlags.Read(parsed));
        var builds = LocalBuilds.List(events).Take(parsed.GetValue(Limit)).ToList();
        if (parsed.GetValue(Json))
            Console.WriteLine(JsonSerializer.Serialize(builds, GridClient.Json));
        else
            builds.ForEach(b => Console.WriteLine(Words.Printable(Line(b.Id, b.SubmittedAt, b.State?.ToString() ?? "unfinished", b.Image ?? "", b.Failure?.Split('\n')[0] ?? b.Digest))));
        return 0;
    }

    private static async Task<int> ShowHereAsync(ParseResult parsed)
    {
        var options = GridFlags.Read(parsed);
        using var events = LocalBuilds.Open(options);
        var build = LocalBuilds.Find(events, options, parsed.GetValue(Build));
        var end = await EventScreen.ShowSoFarAsync(events.Read(build).ToAsyncEnumerable(), parsed.GetValue(Json), "Build");
        if (end is null)
            Console.Error.WriteLine("grid logs: the build has not ended, or its process was killed: this is what there is by now");
        return end?.ExitCode ?? (int)ExitCode.Failed;
    }

    private static async Task<int> RunAsync(string command, ParseResult parsed, Func<RemoteGrid, string, Task<int>> action, Func<Task<int>> here)
    {
        try
        {
            if (ServerFlags.Read(parsed) is not { } server)
                return await here();
            using var grid = new RemoteGrid(server, $"grid {command}");
            return await action(grid, server.Tenant);
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid {command}: {error.Message}");
            return error.ExitCode;
        }
    }

    private static string Line(BuildResource build) =>
        Line(build.Id, build.SubmittedAt, build.State.ToString(), build.App, build.Failure is { } failure ? Words.Printable(failure.Message.Split('\n')[0]) : build.Digest);

    private static string Line(string id, DateTimeOffset? at, string state, string name, string? end) =>
        string.Join("  ", id, at?.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), state.ToLowerInvariant().PadRight(9), name, end ?? "");
}
