using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Hosting;
using Grid.Hosting.Events;

namespace Grid.Cli.Commands;

/// <summary>The builds that were run on this machine, by their journals. Nothing is started for that, and a build that runs meanwhile is not disturbed.</summary>
internal static class LocalBuilds
{
    /// <summary>The journals of a data directory.</summary>
    public static FileBuildEvents Open(GridOptions options) => new(Path.Combine(options.DataDirectory, "events"));

    /// <summary>The key of a build; that of the last one for null.</summary>
    /// <param name="events">The journals.</param>
    /// <param name="options">Where they are, for the message.</param>
    /// <param name="wanted">The build's key, or its last part.</param>
    /// <exception cref="LifecycleException">There is none.</exception>
    public static string Find(FileBuildEvents events, GridOptions options, string? wanted)
    {
        var builds = events.Builds();
        return (wanted is null ? builds.Count > 0 ? builds[0] : null : builds.FirstOrDefault(b => b == wanted || b.EndsWith("/" + wanted, StringComparison.Ordinal)))
            ?? throw new LifecycleException(ExitCode.InvalidArgs, wanted is null ? $"no build has been run with the data directory {options.DataDirectory}; name it with --data-dir"
                : $"there is no build '{wanted}' in {options.DataDirectory}; 'grid builds' lists them, and the first event of 'grid build --json' has its name");
    }

    /// <summary>Builds, the one that was written to last first.</summary>
    public static IEnumerable<LocalBuild> List(FileBuildEvents events) => events.Builds().Select(key => Read(key, events));

    private static LocalBuild Read(string key, FileBuildEvents events)
    {
        BuildStarted? start = null;
        BuildFinished? end = null;
        foreach (var buildEvent in events.Read(key))
        {
            start ??= buildEvent as BuildStarted;
            end = buildEvent as BuildFinished ?? end;
        }
        return new LocalBuild(key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..], start?.Image, start?.At, end?.State, end?.At)
        {
            Digest = end?.Image?.Digest, Failure = end?.Failure?.Message,
        };
    }
}

/// <summary>A build that was run on this machine.</summary>
/// <param name="Id">As commands take it.</param>
/// <param name="Image">The image that was asked for.</param>
/// <param name="SubmittedAt">When it began.</param>
/// <param name="State">How it ended; null when it runs, or was killed.</param>
/// <param name="FinishedAt">When it ended.</param>
internal sealed record LocalBuild(string Id, string? Image, DateTimeOffset? SubmittedAt, BuildState? State, DateTimeOffset? FinishedAt)
{
    public string? Digest { get; init; }

    public string? Failure { get; init; }
}
