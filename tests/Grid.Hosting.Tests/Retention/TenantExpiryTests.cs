using Grid.Contracts.Tenants;
using Grid.Grains.Retention;
using Grid.Grains.Tests.Cluster;
using Grid.Hosting.Retention;
using Grid.Worker;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace Grid.Hosting.Tests.Retention;

/// <summary>Idempotency keys and uploads whose time is over.</summary>
public sealed class TenantExpiryTests : IAsyncLifetime
{
    private static readonly RetentionOptions Options = new() { KeepKeys = TimeSpan.FromHours(24), KeepContent = TimeSpan.FromDays(14) };
    private readonly MovedClock _clock = new();
    private TestGrid _grid = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(services: services => services
            .AddSingleton(Options)
            .AddSingleton<TimeProvider>(_clock)
            // The scripted one stands in its place.
            .Configure<GrainTypeOptions>(types => types.Classes.RemoveWhere(type => type.Assembly == typeof(WorkerAgent).Assembly)));
        await _grid.Grains.GetGrain<ITenantGrain>("red").SetAsync(new TenantSettings());
    }

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    private IIdempotencyGrain Key(string name) => _grid.Grains.GetGrain<IIdempotencyGrain>($"red/{name}");

    private IUploadGrain Upload(string name) => _grid.Grains.GetGrain<IUploadGrain>($"red/{name}");

    private Task RunAsync() => new TenantExpiry(_grid.Grains, Options, _clock).RunAsync(Stop);

    private IEnumerable<string> Stored(string state) => _grid.Storage.Keys.Where(k => k.StartsWith(state + " ", StringComparison.Ordinal));

    [Fact]
    public async Task Key_UntilItsTimeIsOver_StandsForWhatItWasUsedForFirst()
    {
        (await Key("once").ClaimAsync("first")).ShouldBe("first");
        _clock.Advance(TimeSpan.FromHours(23));
        await RunAsync();

        (await Key("once").ClaimAsync("second")).ShouldBe("first");
        (await Key("once").FindAsync()).ShouldBe("first");
    }

    [Fact]
    public async Task Key_WhoseTimeIsOver_IsAsGoodAsNewAndNothingOfItStays()
    {
        await Key("once").ClaimAsync("first");
        await Key("again").ClaimAsync("first");
        _clock.Advance(TimeSpan.FromHours(25));

        (await Key("once").FindAsync()).ShouldBeNull();
        (await Key("again").ClaimAsync("second")).ShouldBe("second");
        await RunAsync();
        Stored("idempotency").ShouldBe(["idempotency red/again"]);
        (await Key("again").FindAsync()).ShouldBe("second");
        _clock.Advance(TimeSpan.FromHours(25));
        await RunAsync();
        Stored("idempotency").ShouldBeEmpty();
    }

    [Fact]
    public async Task Keys_OfManyPages_AllGo_AlsoWhenARunIsInterrupted()
    {
        const int count = 330;
        for (var n = 0; n < count; n++)
            await Key($"k{n}").ClaimAsync("value");
        _clock.Advance(TimeSpan.FromHours(25));
        await Key("new").ClaimAsync("value");
        Stored("expiry-page").Count().ShouldBe(3);
        var writes = 0;
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == "expiry" && Interlocked.Increment(ref writes) == 2)
                throw new IOException("the storage is away");
        };

        await Should.ThrowAsync<Exception>(RunAsync);
        Stored("idempotency").Count().ShouldBe(count - 200 + 1);
        await RunAsync();

        Stored("idempotency").ShouldBe(["idempotency red/new"]);
        Stored("expiry-page").ShouldBeEmpty();
        (await _grid.Grains.GetGrain<IExpiryGrain>(ExpiryEntry.KeyOf("red", IExpiryGrain.Keys)).DueAsync(DateTimeOffset.MaxValue)).ShouldHaveSingleItem().Name.ShouldBe("new");
    }

    [Fact]
    public async Task Upload_ThatIsUsed_StaysAsLongAsThatAndNotLonger()
    {
        await Upload("used").CompleteAsync(1);
        await Upload("unused").CompleteAsync(1);
        _clock.Advance(TimeSpan.FromDays(10));
        (await Upload("used").UseAsync()).ShouldBeTrue();
        _clock.Advance(TimeSpan.FromDays(5));
        await RunAsync();
        Stored("upload").ShouldBe(["upload red/used"]);
        (await Upload("unused").UseAsync()).ShouldBeFalse();
        (await Upload("used").UseAsync()).ShouldBeTrue();

        _clock.Advance(TimeSpan.FromDays(15));
        await RunAsync();
        Stored("upload").ShouldBeEmpty();
    }

    [Fact]
    public async Task Upload_ThatAnEarlierBuildStored_BeginsItsTimeWithItsNextUse()
    {
        var upload = Upload("earlier");
        await upload.CompleteAsync(1);
        _clock.Advance(TimeSpan.FromDays(15));
        await RunAsync();
        await upload.CompleteAsync(1);
        var id = upload.GetGrainId();
        _grid.Storage.Rewrite("upload", id, json => System.Text.RegularExpressions.Regex.Replace(json, "\"UsedAt\":\"[^\"]+\"", "\"UsedAt\":null"));
        await MovedAsync();

        (await upload.UseAsync()).ShouldBeTrue();
        _grid.Storage.JsonOf("upload", id).ShouldNotContain("\"UsedAt\":null");

        // What it has in memory goes, and what is stored is read.
        async Task MovedAsync()
        {
            var management = _grid.Grains.GetGrain<IManagementGrain>(0);
            while (_grid.NodeOf(upload) is not null)
                await management.ForceActivationCollection(TimeSpan.Zero);
        }
    }
}
