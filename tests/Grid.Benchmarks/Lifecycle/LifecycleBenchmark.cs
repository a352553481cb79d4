using Grid.Benchmarks.Reports;

namespace Grid.Benchmarks.Lifecycle;

/// <summary>The rounds of <c>lifecycle</c>; the first is thrown away.</summary>
internal sealed class LifecycleBenchmark(DetectWorkload detect, ExportWorkload export, RebaseWorkload rebase)
{
    private readonly Table _detect = new($"Detect: {DetectWorkload.Buildpacks} buildpacks, {DetectWorkload.Groups} alternatives of which the last passes");
    private readonly Table _large = new($"Export of {ExportWorkload.LargeBytes / 1_000_000} MB in one layer, half of it random");
    private readonly Table _small = new($"Export of {ExportWorkload.SmallFiles} files of {ExportWorkload.SmallBytes} bytes in one layer");
    private readonly Table _rebase = new($"Rebase of {rebase.Count} images in one registry") { HasRatios = false };

    public async Task<IReadOnlyList<Table>> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        for (var round = 0; round <= rounds; round++)
        {
            await Console.Error.WriteLineAsync(round == 0 ? $"warming up, load {Machine.LoadAverage()}" : $"round {round} of {rounds}, load {Machine.LoadAverage()}");
            _detect.Add("grid lifecycle detector", await detect.GridAsync(cancellationToken));
            _detect.Add("only the detect programs, one after the other", await detect.OnlyProgramsAsync(cancellationToken));
            foreach (var (table, large) in new[] { (_large, true), (_small, false) })
            {
                table.Add("grid lifecycle exporter", await export.GridAsync(large, again: false, cancellationToken));
                table.Add("the same again: nothing changed", await export.GridAsync(large, again: true, cancellationToken));
                table.Add("umoci insert, skopeo copy", await export.ToolsAsync(large, cancellationToken));
                table.Add("tar, gzip -6, sha256sum: one core, nothing written", await export.PipeAsync(large, cancellationToken));
            }
            _rebase.Add($"all images, {RebaseWorkload.AtOnce} at once, one process", await rebase.AllAsync(cancellationToken));
            _rebase.Add("one image after the other, each", await rebase.EachAsync(cancellationToken));
            _rebase.Add("grid rebase of one image, the process", await rebase.ProcessAsync(cancellationToken));
            if (round == 0)
                foreach (var table in Tables())
                    table.Clear();
        }
        return Tables();
    }

    private IReadOnlyList<Table> Tables() => [_detect, _large, _small, _rebase];
}
