using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Oci;
using Grid.Oci.Images;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using Orleans.Runtime;

namespace Grid.Worker.Tests;

/// <summary>An export that names its image while it may, in a registry that the test answers for.</summary>
public sealed class FencedImagesTests
{
    private static readonly ImageLocation Name = ImageLocation.Parse("registry.example/app:1");
    private static readonly ImageContent Image = new(System.Text.Encoding.UTF8.GetBytes("{}"), MediaTypes.OciManifest, System.Text.Encoding.UTF8.GetBytes("{}"), MediaTypes.OciConfig, []);
    private readonly FakeTimeProvider _time = new();
    private readonly IBuildGrain _build = Substitute.For<IBuildGrain>();
    private readonly IImageStore _registry = Substitute.For<IImageStore>();
    private readonly List<string> _written = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public FencedImagesTests()
    {
        _build.RequestPublishAsync(Arg.Any<string>()).Returns(new PublishAnswer(true, TimeSpan.FromSeconds(8)));
        _registry.PushAsync(Image, Arg.Any<ImageLocation>(), null, Arg.Any<CancellationToken>()).ReturnsForAnyArgs(call =>
        {
            _written.Add(call.ArgAt<ImageLocation>(1).ToString());
            return Task.FromResult(call.ArgAt<ImageLocation>(1));
        });
    }

    private FencedImages Images(int attempt = 1) => new(_registry, new PublishPermit(_build, $"t/b/Export#{attempt}", _time));

    private void Answers(params PublishAnswer?[] answers) => _build.RequestPublishAsync(Arg.Any<string>()).Returns(answers[0], answers[1..]);

    [Fact]
    public async Task Push_BringsTheImageByDigest_ThenAsks_ThenNames()
    {
        _build.RequestPublishAsync("t/b/Export#1").Returns(_ =>
        {
            _written.Add("asked");
            return new PublishAnswer(true, TimeSpan.FromSeconds(8));
        });
        var images = Images();
        await images.PushAsync(Image, Name, null, Token);
        await images.PushAsync(Image, ImageLocation.Parse("registry.example/app:2"), null, Token);

        _written.ShouldBe([$"registry.example/app@{Image.Digest}", "asked", "registry.example/app:1", "registry.example/app:2"]);
    }

    [Fact]
    public async Task Push_OfAStaleAttempt_WritesNoName()
    {
        Answers((PublishAnswer?)null);

        var error = await Should.ThrowAsync<LifecycleException>(Images().PushAsync(Image, Name, null, Token));
        error.Message.ShouldBe("t/b/Export#1 may not write registry.example/app:1: the build goes on elsewhere, or was stopped");
        _written.ShouldBe([$"registry.example/app@{Image.Digest}"]);
    }

    [Fact]
    public async Task Push_WhenThePermitRanOutOnTheWay_AsksAgain_AndIsRefused()
    {
        var images = Images();
        await images.PushAsync(Image, Name, null, Token);
        // This node hung, and somebody else has the build.
        _time.Advance(TimeSpan.FromSeconds(7));
        Answers((PublishAnswer?)null);

        await Should.ThrowAsync<LifecycleException>(images.PushAsync(Image, ImageLocation.Parse("registry.example/app:2"), null, Token));
        _written.ShouldNotContain("registry.example/app:2");
    }

    [Fact]
    public async Task Push_ThatTheRegistryDoesNotAnswer_EndsWithThePermit()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _registry.PushAsync(default!, Name, null, Token).ReturnsForAnyArgs(async call =>
        {
            if (call.ArgAt<ImageLocation>(1) != Name)
                return Name;
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, call.ArgAt<CancellationToken>(3));
            return Name;
        });
        Answers(new PublishAnswer(true, TimeSpan.FromSeconds(8)), null);
        var push = Images().PushAsync(Image, Name, null, Token);
        await asked.Task;
        _time.Advance(TimeSpan.FromSeconds(8));

        (await Should.ThrowAsync<LifecycleException>(push)).Message.ShouldContain("may not write");
    }

    [Fact]
    public async Task Push_OfTheNextAttempt_WaitsForTheOneBefore_AndWritesNoNameTwice()
    {
        _registry.FindAsync(Name, Arg.Any<Platform>(), Arg.Any<CancellationToken>())
            .Returns(new Image(Image.ManifestDescriptor, new ImageConfig(), [], Substitute.For<IBlobSource>()));
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answers = new Queue<PublishAnswer>([new(false, TimeSpan.FromSeconds(9)), new(true, TimeSpan.FromSeconds(8))]);
        _build.RequestPublishAsync("t/b/Export#2").Returns(_ =>
        {
            waits.TrySetResult();
            return answers.Dequeue();
        });
        var push = Images(attempt: 2).PushAsync(Image, Name, null, Token);
        await waits.Task;
        while (!push.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        (await push).ToString().ShouldBe($"registry.example/app:1@{Image.Digest}");
        _written.ShouldBe([$"registry.example/app@{Image.Digest}"]);
        answers.ShouldBeEmpty();
    }

    [Fact]
    public async Task Push_WhileTheBuildsSiloGoesAway_AsksUntilItAnswers()
    {
        var asked = 0;
        _build.RequestPublishAsync(Arg.Any<string>()).Returns(_ => ++asked < 3 ? throw new SiloUnavailableException() : new PublishAnswer(true, TimeSpan.FromSeconds(8)));
        var push = Images().PushAsync(Image, Name, null, Token);
        while (!push.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await push;
        _written.ShouldContain("registry.example/app:1");
    }
}
