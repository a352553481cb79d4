using System.Globalization;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Hosting.Tests.Events;

/// <summary>What every journal of builds must do.</summary>
public abstract class BuildEventsConformance : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly List<IBuildEvents> _opened = [];

    /// <summary>The journals as one process has them; what an earlier one wrote is there. Skips the test when a server is missing.</summary>
    protected abstract Task<IBuildEvents> OpenAsync();

    /// <summary>Every line of a journal as it is kept, also those that no reader gets to.</summary>
    protected abstract Task<string> TextAsync(string key);

    private async Task<IReadOnlyList<string>> LinesAsync(string key) => [.. (await TextAsync(key)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => EventLines.Parse(System.Text.Encoding.UTF8.GetBytes(line), key))
        .Select(e => e is OutputWritten output ? output.Text : $"end {((BuildFinished)e).ExitCode}")];

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected static OutputWritten Output(string text) => new(Phase.Build, text, false) { At = Noon };

    protected static BuildFinished End => new(BuildState.Succeeded, 0) { At = Noon };

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var events in _opened)
            await CloseAsync(events);
        GC.SuppressFinalize(this);
    }

    protected async Task<IBuildEvents> NewAsync()
    {
        var events = await OpenAsync();
        _opened.Add(events);
        return events;
    }

    protected static async ValueTask CloseAsync(IBuildEvents events)
    {
        if (events is IAsyncDisposable asynchronous)
            await asynchronous.DisposeAsync();
        (events as IDisposable)?.Dispose();
    }

    protected static async Task<List<BuildEvent>> AllAsync(IBuildEvents events, string key = "tenant/build") => await events.WatchAsync(key, Token).ToListAsync(Token);

    protected static int NumberOf(OutputWritten output) => int.Parse(output.Text.Split(':')[^1], CultureInfo.InvariantCulture);

    [Fact]
    public async Task Watch_GivesEventsInOrderToTheEnd()
    {
        var events = await NewAsync();
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
        var events = await NewAsync();
        await using var reader = events.WatchAsync("t/b", Token).GetAsyncEnumerator(Token);
        for (var n = 0; n < 20; n++)
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
        var events = await NewAsync();
        using var cancellation = new CancellationTokenSource();
        await using var reader = events.WatchAsync("t/b", cancellation.Token).GetAsyncEnumerator(cancellation.Token);
        var next = reader.MoveNextAsync().AsTask();
        await cancellation.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(next);
    }

    [Fact]
    public async Task Reading_goes_on_from_any_position()
    {
        var events = await NewAsync();
        for (var n = 0; n < 30; n++)
            events.Append("t/b", Output($"{n}"));
        events.Append("t/b", End);
        var all = await events.ReadAsync("t/b", 0, Token).ToListAsync(Token);
        all.Count.ShouldBe(31);
        foreach (var n in new[] { 0, 1, 15, 29 })
        {
            var rest = await events.ReadAsync("t/b", all[n].Next, Token).ToListAsync(Token);
            rest.ShouldBe(all[(n + 1)..]);
        }
    }

    [Fact]
    public async Task Reading_FromWhereNoEventBegins_IsRefused()
    {
        var events = await NewAsync();
        events.Append("t/b", Output("one"));
        events.Append("t/b", Output("two"));
        events.Append("t/b", End);
        await events.FlushAsync("t/b", Token);
        var first = await events.ReadAsync("t/b", 0, Token).FirstAsync(Token);

        foreach (var position in new[] { -1, 1, first.Next - 1, first.Next + 1, first.Next + 100_000, long.MaxValue })
            await Should.ThrowAsync<ArgumentOutOfRangeException>(events.ReadAsync("t/b", position, Token).FirstAsync(Token).AsTask());
    }

    [Fact]
    public async Task A_restart_keeps_what_was_written()
    {
        var before = await OpenAsync();
        before.Append("tenant/build", Output("before"));
        await CloseAsync(before);
        var after = await NewAsync();
        after.Append("tenant/build", End);

        (await AllAsync(after)).ShouldBe([Output("before"), End]);
    }

    [Fact]
    public async Task What_comes_after_the_end_is_no_error()
    {
        var events = await NewAsync();
        events.Append("t/b", End);
        await events.FlushAsync("t/b", Token);
        events.Append("t/b", Output("late"));
        await events.FlushAsync("t/b", Token);

        (await AllAsync(events, "t/b")).ShouldBe([End]);
    }

    [Fact]
    public async Task The_end_is_written_once_however_often_and_by_however_many_it_is_told()
    {
        var before = await OpenAsync();
        before.Append("t/b", Output("one"));
        before.Append("t/b", End);
        before.Append("t/b", End);
        before.Append("t/b", Output("late"));
        await before.FlushAsync("t/b", Token);
        before.Append("t/b", End with { ExitCode = 1 });
        await CloseAsync(before);
        // Its process died without knowing that it had told the end.
        var after = await NewAsync();
        after.Append("t/b", Output("later"));
        after.Append("t/b", End with { ExitCode = 2 });
        after.Append("t/b", Output("latest"));
        await after.FlushAsync("t/b", Token);

        (await LinesAsync("t/b")).ShouldBe(["one", "end 0", "late", "later", "latest"]);
    }

    [Fact]
    public async Task Builds_have_journals_of_their_own_whatever_their_keys()
    {
        var events = await NewAsync();
        string[] keys = ["a/b", "../../a", "a%2Fb", "a b", "a~2fb", "A/b"];
        foreach (var key in keys)
        {
            events.Append(key, Output(key));
            events.Append(key, End);
        }

        foreach (var key in keys)
            (await AllAsync(events, key))[0].ShouldBe(Output(key));
    }

    [Fact]
    public async Task Many_writers_lose_nothing_and_each_keeps_its_order()
    {
        var events = await NewAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() =>
        {
            for (var n = 0; n < 200; n++)
                events.Append("t/b", Output($"{writer}:{n}"));
        })));
        events.Append("t/b", End);

        var texts = (await AllAsync(events, "t/b")).OfType<OutputWritten>().ToList();
        texts.Count.ShouldBe(1600);
        foreach (var writer in texts.GroupBy(t => t.Text.Split(':')[0]))
            writer.Select(NumberOf).ShouldBe(Enumerable.Range(0, 200));
    }
}
