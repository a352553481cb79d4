using System.CommandLine;
using Grid.Benchmarks.Contenders;
using Grid.Benchmarks.Extend;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary><c>extend</c>: Dockerfiles applied by Grid, docker and buildah.</summary>
internal static class ExtendCommand
{
    private static readonly Option<int> Rounds = new("--rounds") { Description = "How often everything is measured", DefaultValueFactory = _ => 4 };
    private static readonly Option<string[]> Rows = new("--rows") { Description = "What to measure: trivial, packages, context, large, cached, edited (default: all)", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string?> Base = new("--base") { Description = "OCI layout with the tags build and run (default: made by deploy/quickstart/base-images.sh)" };
    private static readonly Option<string[]> Without = new("--without") { Description = "Leave a contender out: node, buildkit, classic, buildah or commands", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string?> Executable = new("--grid") { Description = "The grid executable to measure (default: published from this working copy)" };
    private static readonly Option<bool> Details = new("--details") { Description = "Also tell what grid's builds consist of" };
    private static readonly Option<bool> WriteDocs = new("--write-docs") { Description = "Put the tables into docs/performance.md" };

    public static Command Create()
    {
        var command = new Command("extend", "Images extended by Dockerfiles: Grid, docker build (classic, BuildKit), buildah") { Rounds, Rows, Base, Without, Executable, Details, WriteDocs };
        command.SetAction(BenchmarkAction.Of(MeasureAsync));
        return command;
    }

    private static async Task MeasureAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var rounds = parsed.GetValue(Rounds);
        if (rounds < 1)
            throw new BenchmarkException($"--rounds wants 1 or more, not {rounds}");
        var without = parsed.GetValue(Without) ?? [];
        var repository = Repository.Find();
        var inputs = await Inputs.PrepareAsync(repository, parsed.GetValue(Base), parsed.GetValue(Executable), cancellationToken);
        var scenarios = Chosen(inputs.Scenarios, parsed.GetValue(Rows) ?? []);
        await using var store = await LoopFileSystem.CreateAsync(Path.Combine(repository.Artifacts, "store.img"), Path.Combine(repository.Artifacts, "store"), cancellationToken);
        await using var node = without.Contains("node") ? null : await GridNode.StartAsync(inputs, store.Directory, cancellationToken);
        await using var docker = without.Contains("classic") && without.Contains("buildkit") ? null : await DockerDaemon.StartAsync(store.Directory, inputs, cancellationToken);

        var details = parsed.GetValue(Details) ? new GridDetails() : null;
        List<IContender> contenders = [];
        if (node is not null)
            contenders.Add(new GridContender(inputs, node, "grid, a node that is up", details: null));
        contenders.Add(new GridContender(inputs, await EmbeddedGrid.PrepareAsync(inputs, store.Directory, cancellationToken), "grid, a process of its own", details));
        contenders.AddRange((await BuildersAsync(docker, without, store.Directory, inputs, cancellationToken)).Select(builder => new BuilderContender(builder)));

        var (machine, load) = (Machine.Describe(), Machine.LoadAverage());
        var tables = await new ExtendBenchmark(scenarios, contenders, details?.Tables ?? []).RunAsync(rounds, cancellationToken);
        var report = new Report("extend", rounds, machine, load, Machine.LoadAverage(), tables);
        await BenchmarkAction.PublishAsync(repository, report, parsed.GetValue(WriteDocs), cancellationToken);
    }

    private static IReadOnlyList<Scenario> Chosen(IReadOnlyList<Scenario> all, string[] rows) =>
        rows.Except(all.Select(scenario => scenario.Name)).FirstOrDefault() is { } unknown
            ? throw new BenchmarkException($"--rows {unknown}: want {string.Join(", ", all.Select(scenario => scenario.Name))}")
            : [.. all.Where(scenario => rows.Length == 0 || rows.Contains(scenario.Name))];

    private static async Task<IReadOnlyList<IBuilder>> BuildersAsync(DockerDaemon? docker, string[] without, string store, Inputs inputs, CancellationToken cancellationToken)
    {
        List<IBuilder> builders = [];
        if (docker is not null && !without.Contains("buildkit"))
            builders.AddRange([new DockerBuilder(docker, buildKit: true, "host"), new DockerBuilder(docker, buildKit: true, "bridge")]);
        if (docker is not null && !without.Contains("classic"))
            builders.Add(new DockerBuilder(docker, buildKit: false, "bridge"));
        if (!without.Contains("buildah"))
            builders.Add(await BuildahBuilder.PrepareAsync(store, inputs, cancellationToken));
        if (!without.Contains("commands"))
            builders.Add(await CommandsBuilder.PrepareAsync(store, inputs, cancellationToken));
        return builders;
    }
}
