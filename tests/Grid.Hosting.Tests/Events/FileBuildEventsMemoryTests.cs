using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Hosting.Events;

namespace Grid.Hosting.Tests.Events;

/// <summary>Tests that nothing else may run beside: they look at the whole process.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>What a journal takes of memory, which is what the process takes while nothing else runs in it.</summary>
[Collection(nameof(Alone))]
public sealed class FileBuildEventsMemoryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-events-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Much_output_takes_little_memory()
    {
        using var events = new FileBuildEvents(_directory);
        var piece = new OutputWritten(Phase.Build, new string('x', 8000), false) { At = DateTimeOffset.UnixEpoch };
        for (var n = 0; n < 4000; n++)
            events.Append("t/b", piece);
        events.Append("t/b", new BuildFinished(BuildState.Succeeded, 0) { At = DateTimeOffset.UnixEpoch });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        var count = 0;
        await foreach (var _ in events.WatchAsync("t/b", TestContext.Current.CancellationToken))
        {
            if (++count % 1000 == 0)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        count.ShouldBe(4001);
        // All of it would be 32 MB at least.
        most.ShouldBeLessThan(8_000_000);
    }
}
