using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Hosting.Events;

namespace Grid.Hosting.Tests;

public sealed class FileBuildEventsTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-events-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static OutputWritten Output(string text) => new(Phase.Build, text, false) { At = Noon };

    private static BuildFinished End => new(BuildState.Succeeded, 0) { At = Noon };

    private static async Task<List<BuildEvent>> AllAsync(FileBuildEvents events, string key = "tenant/build") =>
        await events.WatchAsync(key, TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);

    [Fact]
    public async Task Watch_GivesEventsInOrderToTheEnd()
    {
        using var events = new FileBuildEvents(_directory);
        BuildEvent[] written = [new BuildStarted("tenant/build", "image") { At = Noon }, Output("a\nb\u2028 ü 🚀 \0"), End];
        foreach (var buildEvent in written)
            events.Append("tenant/build", buildEvent);

        (await AllAsync(events)).ShouldBe(written);
        // Reading again gives the same: a journal outlives its readers.
        (await AllAsync(events)).ShouldBe(written);
    }

    [Fact]
    public async Task Watch_WhileWritten_FollowsEachEvent()
    {
        using var events = new FileBuildEvents(_directory);
        await using var reader = events.WatchAsync("t/b", TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        for (var n = 0; n < 50; n++)
        {
            var next = reader.MoveNextAsync();
            events.Append("t/b", Output($"line {n}"));
            (await next).ShouldBeTrue();
            reader.Current.ShouldBe(Output($"line {n}"));
        }
        events.Append("t/b", End);
        (await reader.MoveNextAsync()).ShouldBeTrue();
        (await reader.MoveNextAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Watch_Cancelled_Ends()
    {
        using var events = new FileBuildEvents(_directory);
        using var cancellation = new CancellationTokenSource();
        await using var reader = events.WatchAsync("t/b", cancellation.Token).GetAsyncEnumerator(cancellation.Token);
        var next = reader.MoveNextAsync().AsTask();
        await cancellation.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(next);
    }

    [Fact]
    public async Task A_restart_keeps_what_was_written()
    {
        using (var before = new FileBuildEvents(_directory))
            before.Append("tenant/build", Output("before"));
        using var after = new FileBuildEvents(_directory);
        after.Append("tenant/build", End);

        (await AllAsync(after)).ShouldBe([Output("before"), End]);
    }

    [Theory]
    [InlineData("{\"event\":\"output\",\"pha")]
    [InlineData("{")]
    public async Task A_piece_of_a_line_left_by_a_killed_process_is_cut_off(string piece)
    {
        using (var before = new FileBuildEvents(_directory))
            before.Append("tenant/build", Output(new string('x', 10_000)));
        var file = Directory.GetFiles(_directory).Single();
        await File.AppendAllTextAsync(file, piece);
        using var after = new FileBuildEvents(_directory);
        after.Append("tenant/build", End);

        (await AllAsync(after)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_journal_that_is_one_long_piece_begins_anew()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "tenant%2Fbuild.jsonl"), new string('x', 9000));
        using var events = new FileBuildEvents(_directory);
        events.Append("tenant/build", End);

        (await AllAsync(events)).ShouldBe([End]);
    }

    [Fact]
    public async Task Builds_have_journals_of_their_own_whatever_their_keys()
    {
        using var events = new FileBuildEvents(_directory);
        foreach (var key in new[] { "a/b", "../../a", "a%2Fb", "a b" })
        {
            events.Append(key, Output(key));
            events.Append(key, End);
        }

        foreach (var key in new[] { "a/b", "../../a", "a%2Fb", "a b" })
            (await AllAsync(events, key))[0].ShouldBe(Output(key));
        Directory.GetFiles(_directory).Length.ShouldBe(4);
    }

    [Fact]
    public async Task Much_output_takes_little_memory()
    {
        using var events = new FileBuildEvents(_directory);
        var piece = Output(new string('x', 8000));
        for (var n = 0; n < 4000; n++)
            events.Append("t/b", piece);
        events.Append("t/b", End);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        var count = 0;
        await foreach (var _ in events.WatchAsync("t/b", TestContext.Current.CancellationToken))
        {
            if (++count % 1000 == 0)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        count.ShouldBe(4001);
        most.ShouldBeLessThan(4_000_000);
    }

    [Fact]
    public async Task Many_writers_lose_nothing_and_each_keeps_its_order()
    {
        using var events = new FileBuildEvents(_directory);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() =>
        {
            for (var n = 0; n < 200; n++)
                events.Append("t/b", Output($"{writer}:{n}"));
        })));
        events.Append("t/b", End);

        var texts = (await AllAsync(events, "t/b")).OfType<OutputWritten>().Select(o => o.Text.Split(':')).ToList();
        texts.Count.ShouldBe(1600);
        foreach (var writer in texts.GroupBy(t => t[0]))
            writer.Select(t => int.Parse(t[1], System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(Enumerable.Range(0, 200));
    }
}
