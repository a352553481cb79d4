using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Buildpacks;
using Grid.Cli.Progress;
using Grid.Cli.Remote;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Steps;
using Grid.Hosting;
using Grid.Hosting.Cache;

namespace Grid.Cli.Commands;

/// <summary><c>grid cache list|why|prune</c>: what the caches hold, why a step ran, and making room.</summary>
internal static class CacheCommand
{
    private static readonly Option<bool> Json = new("--json") { Description = "JSON instead of a table" };
    private static readonly Option<string?> OlderThan = new("--older-than") { Description = "Remove what nobody used for this long: a number with s, m, h or d" };
    private static readonly Option<string?> MaxBytes = new("--max-bytes") { Description = "Remove the least recently used until no more than this is left: a number, also with kB, MB or GB" };
    private static readonly Option<bool> All = new("--all") { Description = "Remove everything that no unfinished build needs; of a running grid, all cached steps of the tenant" };
    private static readonly Argument<string?> Build = new("build") { Description = "The build, as its events name it (default: the last one)", Arity = ArgumentArity.ZeroOrOne };

    private static readonly JsonSerializerOptions JsonForm = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, Converters = { new JsonStringEnumConverter() },
    };

    public static Command Create()
    {
        var list = new Command("list", "Show cached Dockerfile steps and how much room the caches take") { Json };
        GridFlags.AddTo(list);
        ServerFlags.AddTo(list);
        list.SetAction((parsed, token) => RunAsync("list", parsed, ListAsync, token));
        var why = new Command("why", "Show for each step of a build where its result came from, and why it ran") { Build, Json };
        GridFlags.AddTo(why);
        ServerFlags.AddTo(why);
        why.SetAction((parsed, token) => RunAsync("why", parsed, WhyAsync, token));
        var prune = new Command("prune", "Remove what is due, and more with these flags") { OlderThan, MaxBytes, All, Json };
        GridFlags.AddTo(prune);
        ServerFlags.AddTo(prune);
        prune.SetAction((parsed, token) => RunAsync("prune", parsed, PruneAsync, token));
        return new Command("cache", "Look at the caches and make room") { list, why, prune };
    }

    private static async Task<int> RunAsync(string name, ParseResult parsed, Func<ParseResult, CancellationToken, Task> action, CancellationToken cancellationToken)
    {
        try
        {
            await action(parsed, cancellationToken);
            return 0;
        }
        catch (Exception e) when (UserError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid cache {name}: {error.Message}");
            return error.ExitCode;
        }
    }

    private static async Task ListAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (ServerFlags.Read(parsed) is { } server)
        {
            await RemoteCache.ListAsync(server, parsed.GetValue(Json), cancellationToken);
            return;
        }
        await using var grid = await EmbeddedGrid.StartAsync(GridFlags.Read(parsed), cancellationToken);
        var usage = await grid.MeasureCachesAsync(cancellationToken);
        if (parsed.GetValue(Json))
            Console.Out.WriteLine(JsonSerializer.Serialize(CacheTables.ForJson(usage), JsonForm));
        else
            CacheTables.WriteList(Console.Out, usage, TimeProvider.System.GetUtcNow());
    }

    private static async Task WhyAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (ServerFlags.Read(parsed) is { } server)
        {
            var (named, history) = await RemoteCache.WhyAsync(server, parsed.GetValue(Build), cancellationToken);
            ShowWhy(parsed, named, history);
            return;
        }
        var options = GridFlags.Read(parsed);
        using var events = LocalBuilds.Open(options);
        var build = LocalBuilds.Find(events, options, parsed.GetValue(Build));
        cancellationToken.ThrowIfCancellationRequested();
        ShowWhy(parsed, build, StepHistory.Of(events.Read(build)));
    }

    private static void ShowWhy(ParseResult parsed, string build, IReadOnlyList<StepHistory> steps)
    {
        if (parsed.GetValue(Json))
            Console.Out.WriteLine(JsonSerializer.Serialize(new { build, steps }, JsonForm));
        else
            CacheTables.WriteWhy(Console.Out, build, steps);
    }

    private static async Task PruneAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var limits = new CacheLimits
        {
            OlderThan = parsed.GetValue(OlderThan) is { } age ? GridFlags.Read("--older-than", age, Quantities.Duration) : null,
            MaxBytes = parsed.GetValue(MaxBytes) is { } bytes ? GridFlags.Read("--max-bytes", bytes, Quantities.Bytes) : null,
            All = parsed.GetValue(All),
            // The data directory is ours alone while we hold its lock.
            WithoutGrace = true,
        };
        if (ServerFlags.Read(parsed) is { } server)
        {
            await PruneElsewhereAsync(server, limits, parsed, cancellationToken);
            return;
        }
        await using var grid = await EmbeddedGrid.StartAsync(GridFlags.Read(parsed), cancellationToken);
        var done = await grid.CollectCachesAsync(limits, cancellationToken);
        if (parsed.GetValue(Json))
            Console.Out.WriteLine(JsonSerializer.Serialize(done, JsonForm));
        else
            CacheTables.WritePruned(Console.Out, done);
    }

    /// <summary>What a running grid shares, or a tenant's steps; its nodes collect their own stores by themselves.</summary>
    private static async Task PruneElsewhereAsync(ServerContext server, CacheLimits limits, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (limits.All)
        {
            await RemoteCache.ForgetAsync(server, parsed.GetValue(Json), cancellationToken);
            return;
        }
        using var grid = new RemoteGrid(server, "grid cache prune");
        var run = await grid.Client.StartRetentionAsync(new RetentionRunRequest { OlderThanSeconds = limits.OlderThan?.TotalSeconds, MaxBytes = limits.MaxBytes }, cancellationToken);
        while (run.FinishedAt is null)
        {
            if (run.Problem is { } problem)
                throw new LifecycleException(ExitCode.Failed, $"the run does not get on, and tries again: {problem}");
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, cancellationToken);
            run = await grid.Client.GetRetentionAsync(cancellationToken);
        }
        if (parsed.GetValue(Json))
            Console.Out.WriteLine(JsonSerializer.Serialize(run, GridClient.Json));
        else
            CacheTables.WritePruned(Console.Out, run);
    }
}
