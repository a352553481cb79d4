using System.Collections.Concurrent;
using Grid.Hosting.Configuration;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Grid.Hosting.Tests.Storage;

/// <summary>What every grain storage must do. Each adapter runs it against the real service.</summary>
public abstract partial class GrainStorageConformance : IAsyncLifetime
{
    private const string Name = "record";
    private static int _keys;
    private StorageSilo _silo = null!;

    /// <summary>Settings that choose the storage; skips the test when its server is missing.</summary>
    protected abstract Task<NodeOptions> OptionsAsync();

    /// <summary>Known difference: two grain types with one state name and one key share a record. Grid's state names differ (Grid.Architecture.Tests).</summary>
    protected virtual bool SeparatesTypes => true;

    /// <summary>Known difference: a clear by who never read the record, or of one that is gone, is not refused.</summary>
    protected virtual bool ChecksEveryClear => true;

    /// <summary>Known difference: a read may meet half a write of another activation. An embedded grid has one activation of a grain.</summary>
    protected virtual bool TakesCallsAtOneTime => true;

    protected StorageSilo Silo => _silo;

    protected IGrainStorage Storage => _silo.Storage;

    public async ValueTask InitializeAsync() => _silo = await StorageSilo.StartAsync(await OptionsAsync());

    public virtual async ValueTask DisposeAsync()
    {
        if (_silo is not null)
            await _silo.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected static GrainId NewGrain(string key = "") => GrainId.Create("test", $"{key}{Interlocked.Increment(ref _keys)}-{Guid.NewGuid():N}");

    protected async Task<StoredState> ReadAsync(GrainId grain, string name = Name)
    {
        var state = new StoredState();
        await Storage.ReadStateAsync(name, grain, state);
        return state;
    }

    protected async Task<StoredState> WriteAsync(GrainId grain, int number, string name = Name)
    {
        var state = await ReadAsync(grain, name);
        state.State.Number = number;
        await Storage.WriteStateAsync(name, grain, state);
        return state;
    }

    [Fact]
    public async Task Reading_what_is_not_there_gives_a_new_state()
    {
        var state = await ReadAsync(NewGrain());

        state.State.ShouldNotBeNull().Text.ShouldBe("new");
        state.RecordExists.ShouldBeFalse();
        state.ETag.ShouldBeNullOrEmpty();
    }

    [Fact]
    public async Task What_is_written_is_read()
    {
        var grain = NewGrain();
        var written = await ReadAsync(grain);
        written.State = new StoredRecord { Text = "ü 🚀 \0 \u2028 \" ' <", Number = int.MinValue };
        await Storage.WriteStateAsync(Name, grain, written);

        var read = await ReadAsync(grain);

        read.State.Text.ShouldBe("ü 🚀 \0 \u2028 \" ' <");
        read.State.Number.ShouldBe(int.MinValue);
        read.RecordExists.ShouldBeTrue();
        read.ETag.ShouldBe(written.ETag);
        written.RecordExists.ShouldBeTrue();
    }

    [Fact]
    public async Task A_large_state_is_kept_whole()
    {
        var grain = NewGrain();
        var written = await ReadAsync(grain);
        written.State.Text = new string('x', 3_000_000);
        await Storage.WriteStateAsync(Name, grain, written);

        (await ReadAsync(grain)).State.Text.ShouldBe(written.State.Text);
    }

    [Fact]
    public async Task Each_write_changes_the_etag_also_of_an_equal_value()
    {
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        var etags = new HashSet<string> { state.ETag };
        for (var n = 0; n < 3; n++)
        {
            await Storage.WriteStateAsync(Name, grain, state);
            etags.Add(state.ETag).ShouldBeTrue($"write {n} kept {state.ETag}");
        }
    }

    [Fact]
    public async Task A_second_insert_is_refused()
    {
        var grain = NewGrain();
        var (first, second) = (await ReadAsync(grain), await ReadAsync(grain));
        first.State.Number = 1;
        await Storage.WriteStateAsync(Name, grain, first);
        second.State.Number = 2;

        await Should.ThrowAsync<InconsistentStateException>(() => Storage.WriteStateAsync(Name, grain, second));

        (await ReadAsync(grain)).State.Number.ShouldBe(1);
    }

    [Fact]
    public async Task A_stale_write_is_refused()
    {
        var grain = NewGrain();
        await WriteAsync(grain, 1);
        var stale = await ReadAsync(grain);
        await WriteAsync(grain, 2);
        stale.State.Number = 3;

        await Should.ThrowAsync<InconsistentStateException>(() => Storage.WriteStateAsync(Name, grain, stale));

        (await ReadAsync(grain)).State.Number.ShouldBe(2);
    }

    [Fact]
    public async Task A_stale_clear_is_refused()
    {
        var grain = NewGrain();
        await WriteAsync(grain, 1);
        var stale = await ReadAsync(grain);
        await WriteAsync(grain, 2);

        await Should.ThrowAsync<InconsistentStateException>(() => Storage.ClearStateAsync(Name, grain, stale));

        (await ReadAsync(grain)).State.Number.ShouldBe(2);
    }

    [Fact]
    public async Task Clearing_removes_the_record_and_it_can_be_written_again()
    {
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        await Storage.ClearStateAsync(Name, grain, state);
        state.RecordExists.ShouldBeFalse();
        state.State.ShouldNotBeNull().Number.ShouldBe(0);
        (await ReadAsync(grain)).RecordExists.ShouldBeFalse();

        (await WriteAsync(grain, 2)).RecordExists.ShouldBeTrue();
        (await ReadAsync(grain)).State.Number.ShouldBe(2);
    }

    [Fact]
    public async Task Who_cleared_can_write_without_reading()
    {
        var grain = NewGrain();
        var state = await WriteAsync(grain, 1);
        await Storage.ClearStateAsync(Name, grain, state);
        state.State = new StoredRecord { Number = 2 };
        await Storage.WriteStateAsync(Name, grain, state);

        (await ReadAsync(grain)).State.Number.ShouldBe(2);
    }

    [Fact]
    public async Task Clearing_what_was_never_written_and_clearing_twice_are_no_errors()
    {
        var grain = NewGrain();
        var state = await ReadAsync(grain);
        await Storage.ClearStateAsync(Name, grain, state);
        await Storage.ClearStateAsync(Name, grain, state);

        (await ReadAsync(grain)).RecordExists.ShouldBeFalse();
    }

    [Fact]
    public async Task Names_and_types_are_records_of_their_own()
    {
        var grain = NewGrain();
        var other = SeparatesTypes ? GrainId.Create(GrainType.Create("other"), grain.Key) : NewGrain();
        await WriteAsync(grain, 1, "a");
        await WriteAsync(grain, 2, "b");
        await WriteAsync(other, 3, "a");

        (await ReadAsync(grain, "a")).State.Number.ShouldBe(1);
        (await ReadAsync(grain, "b")).State.Number.ShouldBe(2);
        (await ReadAsync(other, "a")).State.Number.ShouldBe(3);
    }

    [Fact]
    public async Task Odd_keys_do_not_meet()
    {
        string[] odd = ["a", "A", "a/b", "a~2fb", "a%2Fb", "a\\b", "a b", ".", "..", "../a", "a.", "a/", "/a", "a//b", "ü", "🚀", "#?&+", "a\nb", new string('k', 180)];
        var prefix = NewGrain().Key + "-";
        for (var n = 0; n < odd.Length; n++)
            await WriteAsync(GrainId.Create("test", prefix + odd[n]), n + 1);

        for (var n = 0; n < odd.Length; n++)
            (await ReadAsync(GrainId.Create("test", prefix + odd[n]))).State.Number.ShouldBe(n + 1, odd[n]);
    }

    [Fact]
    public async Task Of_writers_at_the_same_time_one_wins_each_round()
    {
        var (writers, rounds) = (TakesCallsAtOneTime ? 6 : 1, 8);
        var grain = NewGrain();
        await WriteAsync(grain, 0);
        var refused = new ConcurrentQueue<Exception>();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(async () =>
        {
            for (var round = 0; round < rounds;)
            {
                var state = await ReadAsync(grain);
                state.State.Number++;
                try
                {
                    await Storage.WriteStateAsync(Name, grain, state);
                    round++;
                }
                catch (InconsistentStateException e)
                {
                    refused.Enqueue(e);
                }
            }
        })));

        (await ReadAsync(grain)).State.Number.ShouldBe(writers * rounds);
    }
}
