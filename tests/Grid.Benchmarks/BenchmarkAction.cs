using System.CommandLine;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary>What all commands do alike.</summary>
internal static class BenchmarkAction
{
    /// <summary>The action that measures; a <see cref="BenchmarkException"/> is said, and is exit code 1.</summary>
    public static Func<ParseResult, CancellationToken, Task<int>> Of(Func<ParseResult, CancellationToken, Task> measure) => async (parsed, cancellationToken) =>
    {
        try
        {
            await measure(parsed, cancellationToken);
            return 0;
        }
        catch (BenchmarkException e)
        {
            await Console.Error.WriteLineAsync($"benchmark: {e.Message}");
            return 1;
        }
    };

    /// <summary>Shows a report, keeps it, and puts it into the documentation when that is wanted.</summary>
    public static async Task PublishAsync(Repository repository, Report report, bool writeDocs, CancellationToken cancellationToken)
    {
        Console.WriteLine(report.ToText());
        Console.WriteLine($"Written to {report.WriteJson(repository.Artifacts, TimeProvider.System.GetUtcNow())}");
        if (writeDocs)
            await PerformancePage.WriteAsync(repository, report, cancellationToken);
    }
}
