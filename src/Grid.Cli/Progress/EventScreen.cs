using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Spectre.Console;

namespace Grid.Cli.Progress;

/// <summary>Shows what happens from first to last event, then how it ended.</summary>
internal static class EventScreen
{
    /// <summary>Shows the events as they come and gives the last one.</summary>
    /// <param name="events">Of a build or of an extension by itself.</param>
    /// <param name="json">One JSON object a line, and nothing else.</param>
    /// <param name="what">What failed when it failed: <c>Build</c>.</param>
    public static async Task<BuildFinished> ShowAsync(IAsyncEnumerable<BuildEvent> events, bool json, string what) =>
        await ShowSoFarAsync(events, json, what) ?? throw new InvalidOperationException("the build's events ended without an end");

    /// <summary>As above, for events that may stop before the end: null then.</summary>
    public static async Task<BuildFinished?> ShowSoFarAsync(IAsyncEnumerable<BuildEvent> events, bool json, string what)
    {
        var timeline = new Timeline();
        BuildFinished? end = null;
        using (var progress = Progress(json))
        {
            await foreach (var buildEvent in events)
            {
                timeline.Add(buildEvent);
                progress.Show(buildEvent);
                end = buildEvent as BuildFinished ?? end;
            }
        }
        if (end is not null && !json)
            Summarize(end, timeline, what);
        return end;
    }

    private static IBuildProgress Progress(bool json) =>
        json ? new JsonProgress(Console.Out)
            : AnsiConsole.Profile.Capabilities.Interactive && AnsiConsole.Profile.Capabilities.Ansi && !Console.IsOutputRedirected
                ? new TerminalProgress(AnsiConsole.Console, TimeProvider.System)
                : new PlainProgress(Console.Out);

    private static void Summarize(BuildFinished end, Timeline timeline, string what)
    {
        Console.WriteLine();
        foreach (var line in timeline.Lines())
            Console.WriteLine(line);
        Console.WriteLine();
        if (end.Failure is { } failure)
        {
            Console.Out.Flush();
            Console.Error.WriteLine($"{(end.State == BuildState.Cancelled ? what : $"{what} failed: " + (failure.Phase is { } phase ? Words.Of(phase) + ":" : ""))} {string.Join('\n', failure.Message.Split('\n').Select(Words.Printable))}");
            if (failure.Output is { Length: > 0 } output)
            {
                Console.Error.WriteLine("Last output:");
                foreach (var line in output.TrimEnd('\n').Split('\n'))
                    Console.Error.WriteLine("  " + Words.Printable(line));
            }
        }
        else if (end.Image is { } image)
        {
            foreach (var location in image.Locations)
                Console.WriteLine($"Image  {location}");
            Console.WriteLine($"Digest {image.Digest}");
        }
    }
}
