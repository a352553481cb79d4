using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle.Extend;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Network;
using Grid.Sandbox;
using NSubstitute;

namespace Grid.Worker.Tests;

public sealed class StepTimeoutTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-step-").FullName;
    private readonly StepScratch _scratch = new();

    public void Dispose()
    {
        _scratch.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task RunAsync_CommandThatNeverEnds_FailsWithItsPlaceAndTheBound()
    {
        var failure = await Should.ThrowAsync<StepFailedException>(RunAsync(TimeSpan.FromMilliseconds(1), TestContext.Current.CancellationToken));

        failure.Message.ShouldBe("extension a/b@1, run.Dockerfile:2:1: RUN wait: stopped, for it took longer than the 00:00:00.0010000 a step may take; make it faster, or have the bound raised (sandbox.step-timeout)");
        failure.Output.ShouldBe("still here");
    }

    [Fact]
    public async Task RunAsync_Cancelled_IsNoTimeout()
    {
        using var cancellation = new CancellationTokenSource();
        var run = RunAsync(TimeSpan.FromDays(1), cancellation.Token);
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(run);
    }

    [Fact]
    public async Task RunAsync_NoBound_WaitsUntilItIsCancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var run = RunAsync(TimeSpan.Zero, cancellation.Token);
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(run);
    }

    private async Task RunAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var content = new ContentStore(Path.Combine(_directory, "content"));
        using var urls = new UrlFetcher(content, new HostPolicy());
        var resources = new StepResources(new ContextStore(content, Path.Combine(_directory, "contexts")), new CacheVolumes(Path.Combine(_directory, "caches")), _ => null, urls, _scratch);
        var executor = new StepExecutor(Endless(), content, new SandboxLimits(), resources) { TimeLimit = limit };
        await executor.RunAsync("step", new StepInput
        {
            Parent = [], BaseLocation = "", Step = Planned("RUN wait"), Context = null!, Scope = "s", Label = "extension a/b@1, run.Dockerfile:2:1: RUN wait",
        }, content, NullOutput.Instance, cancellationToken);
    }

    /// <summary>A sandbox whose commands print something and wait to be killed.</summary>
    private ISandboxRuntime Endless()
    {
        var (runtime, sandbox) = (Substitute.For<ISandboxRuntime>(), Substitute.For<ISandbox>());
        runtime.CreateAsync(null!, default).ReturnsForAnyArgs(sandbox);
        sandbox.Files.Returns(new RootedDirectory(Directory.CreateDirectory(Path.Combine(_directory, "root")).FullName));
        sandbox.RunAsync(null!, default).ReturnsForAnyArgs(async call =>
        {
            call.Arg<ProcessSpec>().Output.Write("still here\n"u8, isError: false);
            await Task.Delay(Timeout.InfiniteTimeSpan, call.Arg<CancellationToken>());
            return new ProcessResult(0);
        });
        return runtime;
    }

    private static PlannedStep Planned(string instruction)
    {
        var state = new ImageState([], new ContainerConfig(), "linux", "amd64");
        var planner = StagePlanner.Start(Dockerfile.Parse($"FROM base\n{instruction}\n", "run.Dockerfile"), state, []);
        return planner.Plan(0, state, planner.InitialScope);
    }
}
