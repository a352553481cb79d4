using System.Text;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Reports;

/// <summary>Puts a report into docs/performance.md, between the two comments that name the benchmark. What is written around them stays.</summary>
internal static class PerformancePage
{
    public static async Task WriteAsync(Repository repository, Report report, CancellationToken cancellationToken)
    {
        var path = Path.Combine(repository.Root, "docs", "performance.md");
        var page = await File.ReadAllTextAsync(path, cancellationToken);
        var (start, end) = ($"<!-- {report.Benchmark}: begin -->\n", $"<!-- {report.Benchmark}: end -->");
        var from = page.IndexOf(start, StringComparison.Ordinal);
        var to = page.IndexOf(end, StringComparison.Ordinal);
        if (from < 0 || to < from)
            throw new BenchmarkException($"{path} has no place for {report.Benchmark}: it wants a line '{start.Trim()}' and a line '{end}'");
        var text = new StringBuilder()
            .Append(page.AsSpan(0, from + start.Length))
            .Append(await IntroductionAsync(repository, report, cancellationToken))
            .Append(report.ToMarkdown())
            .Append(page.AsSpan(to));
        await File.WriteAllTextAsync(path, text.ToString(), cancellationToken);
    }

    private static async Task<string> IntroductionAsync(Repository repository, Report report, CancellationToken cancellationToken)
    {
        var commit = (await Tool.RunAsync("git", ["-C", repository.Root, "describe", "--always", "--dirty"], cancellationToken)).Output.Trim();
        var versions = await ToolVersions.ReadAsync(cancellationToken);
        return $"""
            Taken {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC at commit {commit}; {report.Machine}; load at the start {report.LoadAverageAtStart}, at the end {report.LoadAverageAtEnd}
            (one to two of it is the benchmark's own); {report.Rounds} rounds after one that is not counted.
            {versions}.

            """;
    }
}
