using System.CommandLine;
using Grid.Benchmarks.Contenders;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary><c>extend</c>: a pair of Dockerfiles applied by Grid, docker and buildah.</summary>
internal static class ExtendCommand
{
    private static readonly Option<int> Rounds = new("--rounds") { Description = "How often everything is measured", DefaultValueFactory = _ => 7 };
    private static readonly Option<string?> Base = new("--base") { Description = "OCI layout with the tags build and run (default: made by deploy/quickstart/base-images.sh)" };
    private static readonly Option<string[]> Without = new("--without") { Description = "Leave a contender out: classic, buildkit, buildah or commands" };
    private static readonly Option<string?> Executable = new("--grid") { Description = "The grid executable to measure (default: published from this working copy)" };

    public static Command Create()
    {
        var command = new Command("extend", "The build and the run image extended: Grid, docker build (classic, BuildKit), buildah") { Rounds, Base, Without, Executable };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            await MeasureAsync(parsed, cancellationToken);
            return 0;
        }
        catch (BenchmarkException e)
        {
            await Console.Error.WriteLineAsync($"benchmark: {e.Message}");
            return 1;
        }
    }

    private static async Task MeasureAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var rounds = parsed.GetValue(Rounds);
        if (rounds < 1)
            throw new BenchmarkException($"--rounds wants 1 or more, not {rounds}");
        var without = parsed.GetValue(Without) ?? [];
        var repository = Repository.Find();
        var inputs = await Inputs.PrepareAsync(repository, parsed.GetValue(Base), parsed.GetValue(Executable), cancellationToken);
        await using var store = await LoopFileSystem.CreateAsync(Path.Combine(repository.Artifacts, "store.img"), Path.Combine(repository.Artifacts, "store"), cancellationToken);

        var grid = new GridContender(inputs, store.Directory);
        await grid.PrepareAsync(cancellationToken);
        List<IContender> peers = [];
        await using var docker = without.Contains("classic") && without.Contains("buildkit")
            ? null
            : await DockerDaemon.StartAsync(store.Directory, inputs, cancellationToken);
        if (docker is not null && !without.Contains("buildkit"))
            peers.Add(new DockerContender(docker, buildKit: true));
        if (docker is not null && !without.Contains("classic"))
            peers.Add(new DockerContender(docker, buildKit: false));
        if (!without.Contains("buildah"))
            peers.Add(await BuildahContender.PrepareAsync(store.Directory, inputs, cancellationToken));
        if (!without.Contains("commands"))
            peers.Add(await CommandsContender.PrepareAsync(store.Directory, inputs, cancellationToken));

        var machine = Machine.Describe();
        var tables = await new ExtendBenchmark(grid, peers, inputs).RunAsync(rounds, cancellationToken);
        var report = new Report("extend", rounds, machine, Machine.LoadAverage(), tables);
        Console.WriteLine(report.ToText());
        Console.WriteLine($"Written to {report.WriteJson(repository.Artifacts, TimeProvider.System.GetUtcNow())}");
    }
}
