using System.CommandLine;
using Grid.Benchmarks.Lifecycle;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary><c>lifecycle</c>: detector, exporter and rebaser as platforms call them, with a real registry.</summary>
internal static class LifecycleCommand
{
    private static readonly Option<int> Rounds = new("--rounds") { Description = "How often everything is measured", DefaultValueFactory = _ => 5 };
    private static readonly Option<int> Images = new("--images") { Description = "How many images are rebased", DefaultValueFactory = _ => 1000 };
    private static readonly Option<string?> Executable = new("--grid") { Description = "The grid executable to measure (default: published from this working copy)" };

    private static readonly Option<bool> WriteDocs = new("--write-docs") { Description = "Put the tables into docs/performance.md" };

    public static Command Create()
    {
        var command = new Command("lifecycle", "Detect with many buildpacks, export of large and of many files, rebase of many images") { Rounds, Images, Executable, WriteDocs };
        command.SetAction(BenchmarkAction.Of(MeasureAsync));
        return command;
    }

    private static async Task MeasureAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var rounds = parsed.GetValue(Rounds);
        var images = parsed.GetValue(Images);
        if (rounds < 1 || images < 1)
            throw new BenchmarkException("--rounds and --images want 1 or more");
        var repository = Repository.Find();
        var grid = parsed.GetValue(Executable) ?? await Inputs.PublishAsync(repository, cancellationToken);
        await using var store = await LoopFileSystem.CreateAsync(Path.Combine(repository.Artifacts, "store.img"), Path.Combine(repository.Artifacts, "store"), cancellationToken);
        await using var registry = await RegistryServer.StartAsync(Path.Combine(store.Directory, "registry"), cancellationToken);
        var work = Path.Combine(store.Directory, "work");
        using var rebase = await RebaseWorkload.PrepareAsync(registry.Host, images, grid, cancellationToken);
        var export = await ExportWorkload.PrepareAsync(grid, work, registry.Host, cancellationToken);
        var benchmark = new LifecycleBenchmark(new DetectWorkload(grid, work), export, rebase);
        var (machine, load) = (Machine.Describe(), Machine.LoadAverage());
        var tables = await benchmark.RunAsync(rounds, cancellationToken);
        var report = new Report("lifecycle", rounds, machine, load, Machine.LoadAverage(), tables);
        await BenchmarkAction.PublishAsync(repository, report, parsed.GetValue(WriteDocs), cancellationToken);
    }
}
