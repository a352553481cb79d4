using Grid.Contracts.Events;
using Grid.Contracts.Secrets;
using Grid.Contracts.Work;
using Grid.Contracts.Builds;
using Grid.Lifecycle.Extend;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci;
using Grid.Sandbox;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using Orleans;
using Orleans.Runtime;

namespace Grid.Worker.Tests;

/// <summary>An agent whose analyze work looks for its builder in a store that the test opens and closes.</summary>
internal sealed class Bench : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-worker-").FullName;

    public Bench(TimeProvider? time = null)
    {
        var options = new WorkerOptions { BuildsDirectory = Path.Combine(_directory, "builds"), Launcher = "/none" };
        var content = new ContentStore(Path.Combine(_directory, "content"));
        Builds = new BuildDirectories(options);
        var survivors = new SurvivingWorkTable(Substitute.For<ISandboxRuntime>(), Builds, options, TimeProvider.System, NullLogger<SurvivingWorkTable>.Instance);
        var runner = new WorkRunner(Substitute.For<ISandboxRuntime>(), content, new ImageStores([Store]), Builds, survivors, Events, options, new NodeResources(options, content, new BuildSecrets()),
            new TenantVault(SecretKeyRing.None, Owner.Factory, new ImageStores([Store]), [Store], new AnonymousCredentials(), options, TimeProvider.System), Substitute.For<IBuildArtifacts>(), Owner.Factory, TimeProvider.System);
        Agent = new WorkerAgent(runner, Builds, survivors, new OneNodeContent(), Warm, Owner.Factory, time ?? TimeProvider.System, NullLogger<WorkerAgent>.Instance);
    }

    public WorkerAgent Agent { get; }

    public IBuildEvents Events { get; } = Substitute.For<IBuildEvents>();

    public BuildDirectories Builds { get; }

    public WarmContent Warm { get; } = new();

    public GatedStore Store { get; } = new();

    public Owner Owner { get; } = new();

    public static AnalyzeWork Work(string handle = "tenant/b/Analyze#1") => new()
    {
        Handle = handle, BuildKey = handle[..handle.LastIndexOf('/')], Owner = GrainId.Create("grid.build", "tenant/b"), Builder = "registry.example/builder", Targets = ["registry.example/app"],
        Warm = ["app tenant/app"],
    };

    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}

/// <summary>A store that answers when it is told to.</summary>
internal sealed class GatedStore : IImageStore
{
    private int _finds;

    public TaskCompletionSource<Exception> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How often the builder was looked for: once for each run.</summary>
    public int Finds => _finds;

    public bool Handles(ImageLocation location) => true;

    public async Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken)
    {
        if (location.ToString().Contains("/builder", StringComparison.Ordinal))
            Interlocked.Increment(ref _finds);
        Asked.TrySetResult();
        throw await Answer.Task.WaitAsync(cancellationToken);
    }

    public async Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken)
    {
        Asked.TrySetResult();
        throw await Answer.Task.WaitAsync(cancellationToken);
    }

    public Task<ImageLocation> PushAsync(ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("nothing is pushed");
}

/// <summary>The grain that asked for work, as the agent reaches it.</summary>
internal sealed class Owner : IWorkOwner
{
    private readonly System.Threading.Channels.Channel<WorkReport> _reports = System.Threading.Channels.Channel.CreateUnbounded<WorkReport>();
    private int _failures;

    public IGrainFactory Factory { get; }

    /// <summary>How many reports fail before one arrives.</summary>
    public int Failures { get; set; }

    /// <summary>Asked before a report is taken.</summary>
    public Func<Task> OnReport { get; set; } = () => Task.CompletedTask;

    public TaskCompletionSource Failed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Owner()
    {
        Factory = Substitute.For<IGrainFactory>();
        Factory.GetGrain<IWorkOwner>(Arg.Any<GrainId>()).Returns(this);
    }

    public async Task<WorkReport> NextAsync() => await _reports.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(2));

    public bool TryNext(out WorkReport? report) => _reports.Reader.TryRead(out report);

    public async Task ReportAsync(WorkReport report)
    {
        await OnReport();
        if (_failures++ < Failures)
        {
            Failed.TrySetResult();
            throw new TimeoutException("the silo is gone");
        }
        await _reports.Writer.WriteAsync(report);
    }
}
