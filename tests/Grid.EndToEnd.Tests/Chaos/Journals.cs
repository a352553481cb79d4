using System.Text.RegularExpressions;
using Azure.Storage.Blobs;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>A build's journal as it is stored, behind its end too.</summary>
internal sealed partial class Journals
{
    private readonly Dictionary<string, List<BuildEvent>> _journals;

    private Journals(Dictionary<string, List<BuildEvent>> journals) => _journals = journals;

    /// <summary>Reads what a grid has written.</summary>
    public static async Task<Journals> ReadAsync(ServerProcess azurite, CancellationToken cancellationToken)
    {
        var container = new BlobServiceClient(TestServers.AzureConnection(azurite), new BlobClientOptions(BlobClientOptions.ServiceVersion.V2026_06_06)).GetBlobContainerClient("grid-events");
        var journals = new Dictionary<string, List<BuildEvent>>();
        await foreach (var blob in container.GetBlobsAsync(cancellationToken: cancellationToken))
        {
            // Artifacts of builds lie beside their journals.
            if (blob.Name.Contains("/artifacts/", StringComparison.Ordinal))
                continue;
            var content = await container.GetBlobClient(blob.Name).DownloadContentAsync(cancellationToken);
            var events = content.Value.Content.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => EventLines.Parse(System.Text.Encoding.UTF8.GetBytes(line), blob.Name));
            var name = blob.Name[..blob.Name.LastIndexOf('/')];
            // Segments come in their order.
            if (!journals.TryGetValue(name, out var journal))
                journals[name] = journal = [];
            journal.AddRange(events);
        }
        return new Journals(journals);
    }

    /// <summary>All events of a build.</summary>
    public IReadOnlyList<BuildEvent> Of(string build) => _journals.Single(j => j.Key.Contains(build, StringComparison.Ordinal)).Value;

    /// <summary>What is wrong with the journal of a build that succeeded; nothing in the usual case.</summary>
    public IEnumerable<string> ProblemsOf(string build)
    {
        var events = Of(build);
        if (events.Count(e => e is BuildFinished) != 1)
            yield return $"{events.Count(e => e is BuildFinished)} ends";
        // A node that was cut off writes what it had to say by then when it is back, which may be behind the end. Nobody reads it there. But nothing of the build
        // happens when it has ended; what processes print that nobody could stop is no part of it.
        var end = events.OfType<BuildFinished>().FirstOrDefault();
        foreach (var late in events.SkipWhile(e => e is not BuildFinished).Skip(1).Where(e => e is BuildFinished || (e is not OutputWritten && e.At > end!.At)))
            yield return $"{late} behind the end";
        foreach (var phase in new[] { Phase.ExtendBuild, Phase.ExtendRun, Phase.Build })
        {
            var runs = RunsOf(events, phase);
            foreach (var run in runs.Where(r => !r.Value.SequenceEqual(Enumerable.Range(1, r.Value.Count))))
                yield return $"lines of {phase}, run {run.Key}: {string.Join(',', run.Value)}";
            if (!runs.Values.Any(lines => lines.Count == ChaosBuilder.Lines))
                yield return $"no whole output of {phase}, but {string.Join(" and ", runs.Values.Select(r => $"{r.Count} lines"))}";
        }
    }

    /// <summary>The numbers that each run of a phase printed, in the journal's order.</summary>
    private static Dictionary<string, List<int>> RunsOf(IReadOnlyList<BuildEvent> events, Phase phase)
    {
        var runs = new Dictionary<string, List<int>>();
        var text = string.Concat(events.OfType<OutputWritten>().Where(o => o.Phase == phase && !o.IsError).Select(o => o.Text));
        foreach (Match line in Line().Matches(text))
        {
            if (!runs.TryGetValue(line.Groups["run"].Value, out var numbers))
                runs[line.Groups["run"].Value] = numbers = [];
            numbers.Add(int.Parse(line.Groups["number"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture));
        }
        return runs;
    }

    [GeneratedRegex(@"line (?<run>[0-9a-f-]{36}) (?<number>\d+) of ")]
    private static partial Regex Line();
}
