using Grid.Contracts.Events;
using Grid.Hosting.Events;
using Grid.Hosting.Storage;
using Grid.Hosting.Tests.Servers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Grid.Hosting.Tests.Events;

/// <summary>Append blobs: the suite, and what several processes and storage that fails ask for.</summary>
public sealed class AzureBuildEventsTests(TestServers servers) : BuildEventsConformance
{
    private static readonly AzureJournalOptions Options = new()
    {
        Gather = TimeSpan.FromMilliseconds(5), Poll = TimeSpan.FromMilliseconds(20), RetryDelay = TimeSpan.FromMilliseconds(50), MaxBlocks = 7,
    };

    private readonly string _container = "grid-events-" + Guid.NewGuid().ToString("n")[..8];

    protected override async Task<IBuildEvents> OpenAsync() => Open(await servers.AzureAsync(), Options);

    protected override async Task<string> TextAsync(string key)
    {
        var container = Connections.AzureBlobs(await servers.AzureAsync()).GetBlobContainerClient(_container);
        var text = new System.Text.StringBuilder();
        await foreach (var segment in container.GetBlobsAsync(cancellationToken: Token))
            text.Append((await container.GetBlobClient(segment.Name).DownloadContentAsync(Token)).Value.Content);
        return text.ToString();
    }

    [Fact]
    public async Task Processes_that_all_tell_the_end_leave_one()
    {
        IBuildEvents[] tellers = [await NewAsync(), await NewAsync(), await NewAsync(), await NewAsync()];
        await Task.WhenAll(tellers.Select((teller, t) => Task.Run(async () =>
        {
            for (var n = 0; n < 5; n++)
                teller.Append("t/b", Output($"{t}:{n}"));
            teller.Append("t/b", End);
            await teller.FlushAsync("t/b", Token);
        })));

        var lines = (await TextAsync("t/b")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(21);
        lines.Count(l => l.Contains("build-finished", StringComparison.Ordinal)).ShouldBe(1);
    }

    private AzureBuildEvents Open(string connection, AzureJournalOptions options) =>
        new(new AzureContainer(Connections.AzureBlobs(connection), _container), options, TimeProvider.System, NullLogger<AzureBuildEvents>.Instance);

    [Fact]
    public async Task Flushed_lines_are_read_by_another_process()
    {
        var (one, two) = (await NewAsync(), await NewAsync());
        one.Append("t/b", Output("hello"));
        await one.FlushAsync("t/b", Token);

        await foreach (var read in two.WatchAsync("t/b", Token))
        {
            read.ShouldBe(Output("hello"));
            break;
        }
    }

    [Fact]
    public async Task Processes_that_write_at_the_same_time_lose_nothing_and_repeat_nothing()
    {
        IBuildEvents[] writers = [await NewAsync(), await NewAsync(), await NewAsync()];
        await Task.WhenAll(writers.Select((writer, w) => Task.Run(async () =>
        {
            for (var n = 0; n < 40; n++)
            {
                writer.Append("t/b", Output($"{w}:{n}"));
                await Task.Delay(2, Token);
            }
            await writer.FlushAsync("t/b", Token);
        })));
        writers[0].Append("t/b", End);

        var texts = (await AllAsync(await NewAsync(), "t/b")).OfType<OutputWritten>().ToList();
        foreach (var writer in texts.GroupBy(t => t.Text.Split(':')[0]))
            writer.Select(NumberOf).ShouldBe(Enumerable.Range(0, 40));
        texts.Count.ShouldBe(120);
    }

    [Fact]
    public async Task Storage_that_is_away_for_a_while_costs_no_line()
    {
        await using var server = await TestServers.StartOwnAzuriteAsync();
        await using var events = Open(TestServers.AzureConnection(server), Options);
        for (var n = 0; n < 60; n++)
        {
            // Killed, Azurite forgets what is younger than some seconds; what it was told to keep is what is asked for here.
            if (n == 20)
                await server.StopAsync();
            if (n == 40)
                await server.StartAsync();
            events.Append("t/b", Output($"{n}"));
        }
        events.Append("t/b", End);
        await events.FlushAsync("t/b", Token);

        (await AllAsync(events, "t/b")).OfType<OutputWritten>().Select(NumberOf).ShouldBe(Enumerable.Range(0, 60));
    }

    [Fact]
    public async Task Storage_that_stays_away_makes_a_flush_fail_with_the_reason()
    {
        await using var server = await TestServers.StartOwnAzuriteAsync();
        await using var events = Open(TestServers.AzureConnection(server), Options with { MaxWait = TimeSpan.FromMilliseconds(200) });
        await server.KillAsync();
        events.Append("t/b", Output("x"));

        (await Should.ThrowAsync<IOException>(() => events.FlushAsync("t/b", Token))).Message.ShouldContain("the journal of build t/b cannot be written");
    }

    [Fact]
    public async Task Output_that_finds_no_room_is_named_as_lost_when_storage_is_back()
    {
        await using var server = await TestServers.StartOwnAzuriteAsync();
        await using var events = Open(TestServers.AzureConnection(server), Options with { MaxWait = TimeSpan.FromMilliseconds(100), MaxPendingBytes = 20_000 });
        await server.KillAsync();
        for (var n = 0; n < 10; n++)
            events.Append("t/b", Output(new string('x', 5000)));
        await server.StartAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        var found = events.WatchAsync("t/b", patience.Token)
            .AnyAsync(e => e is OutputWritten o && o.Text.Contains("bytes of output are lost", StringComparison.Ordinal), patience.Token).AsTask();
        // Nothing tells when there is room again but trying.
        while (!found.IsCompleted)
        {
            events.Append("t/b", Output("again"));
            await Task.WhenAny(found, Task.Delay(50, Token));
        }
        (await found).ShouldBeTrue();
    }
}
