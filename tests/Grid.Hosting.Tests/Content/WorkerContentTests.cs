using Azure;
using Grid.Hosting.Content;
using Grid.Oci;
using Grid.Oci.Content;
using Microsoft.Extensions.Time.Testing;

namespace Grid.Hosting.Tests.Content;

/// <summary>A shared tier that does not answer costs a build time, not its life.</summary>
public sealed class WorkerContentTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-worker-content-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    public static TheoryData<Exception> Outages => [
        new RequestFailedException("Connection refused"), new RequestFailedException(503, "busy"),
        new AggregateException(new RequestFailedException("Connection refused"), new TaskCanceledException("no answer")), new TaskCanceledException("no answer"),
    ];

    [Theory, MemberData(nameof(Outages))]
    public async Task Publish_DuringAnOutage_IsDoneWhenItIsOver(Exception outage)
    {
        var (content, digest) = Store();
        var tier = new FailingTier { Failure = outage, Failures = 20 };

        await new WorkerContent(new TieredContent(content, tier), new JumpingTime()).PublishAsync([digest], TestContext.Current.CancellationToken);

        tier.Put.ShouldBe([digest]);
    }

    [Fact]
    public async Task Publish_DuringAnOutageWithoutEnd_SaysWhatIsWrong()
    {
        var (content, digest) = Store();
        var tier = new FailingTier { Failure = new RequestFailedException("Connection refused"), Failures = int.MaxValue };

        var publish = new WorkerContent(new TieredContent(content, tier), new JumpingTime()).PublishAsync([digest], TestContext.Current.CancellationToken);

        (await Should.ThrowAsync<IOException>(() => publish)).Message.ShouldBe("the shared content tier could not be reached for 5 minutes: Connection refused");
    }

    [Fact]
    public async Task Publish_ThatIsRefused_IsNotTriedAgain()
    {
        var (content, digest) = Store();
        var tier = new FailingTier { Failure = new RequestFailedException(403, "no"), Failures = 1 };

        await Should.ThrowAsync<RequestFailedException>(() => new WorkerContent(new TieredContent(content, tier), TimeProvider.System).PublishAsync([digest], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Publish_Cancelled_DoesNotWaitForTheEndOfAnOutage()
    {
        var (content, digest) = Store();
        using var cancellation = new CancellationTokenSource();
        var tier = new FailingTier { Failure = new RequestFailedException("Connection refused"), Failures = int.MaxValue };

        var publish = new WorkerContent(new TieredContent(content, tier), new FakeTimeProvider()).PublishAsync([digest], cancellation.Token);
        await cancellation.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => publish);
    }

    private (ContentStore Content, Digest Digest) Store()
    {
        var content = new ContentStore(_directory);
        return (content, content.Put("a layer"u8, "application/octet-stream").Digest);
    }

    /// <summary>A clock on which whatever is waited for comes at once.</summary>
    private sealed class JumpingTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _now += dueTime;
            return System.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }

    /// <summary>A tier whose first calls fail.</summary>
    private sealed class FailingTier : IContentTier
    {
        public required Exception Failure { get; init; }

        public required int Failures { get; set; }

        public List<Digest> Put { get; } = [];

        public TimeSpan UseResolution => TimeSpan.FromHours(1);

        public Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken) => Failures-- > 0 ? Task.FromException<long?>(Failure) : Task.FromResult<long?>(null);

        public Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
        {
            Put.Add(digest);
            return Task.CompletedTask;
        }

        public IAsyncEnumerable<StoredBlob> ListAsync(byte first, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
