using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;

namespace Grid.Worker.Tests;

public sealed class WorkerAgentTests
{
    private static readonly LifecycleException Broken = new(ExitCode.AnalyzeError, "the builder is broken");

    [Fact]
    public async Task Start_Twice_RunsOnceAndTellsOnce()
    {
        await using var bench = new Bench();
        bench.Agent.Start(Bench.Work());
        bench.Agent.Start(Bench.Work());
        bench.Store.Answer.SetResult(Broken);
        var report = await bench.Owner.NextAsync();

        report.Failure.ShouldBe(new Failure((int)ExitCode.AnalyzeError, "the builder is broken"));
        bench.Owner.TryNext(out _).ShouldBeFalse();
        bench.Store.Finds.ShouldBe(1);
    }

    [Fact]
    public async Task Start_AfterTheEnd_TellsTheRememberedOutcomeAgain()
    {
        await using var bench = new Bench();
        bench.Store.Answer.SetResult(Broken);
        bench.Agent.Start(Bench.Work());
        var first = await bench.Owner.NextAsync();
        var finds = bench.Store.Finds;
        bench.Agent.Start(Bench.Work());

        (await bench.Owner.NextAsync()).ShouldBe(first);
        bench.Store.Finds.ShouldBe(finds);
    }

    [Fact]
    public async Task Cancel_Running_IsReportedAsCancelled()
    {
        await using var bench = new Bench();
        bench.Agent.Start(Bench.Work());
        await bench.Store.Asked.Task;
        bench.Agent.Cancel(Bench.Work().Handle);

        (await bench.Owner.NextAsync()).Cancelled.ShouldBeTrue();
    }

    [Fact]
    public async Task Cancel_Unknown_IsNoError()
    {
        await using var bench = new Bench();
        bench.Agent.Cancel("tenant/b/Analyze#1").ShouldBeFalse();

        bench.Owner.TryNext(out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Release_FromWithinTheReport_DoesNotWaitForItself()
    {
        await using var bench = new Bench();
        var directory = bench.Builds.Open("tenant/b").Path;
        bench.Owner.OnReport = () => bench.Agent.ReleaseAsync("tenant/b");
        bench.Store.Answer.SetResult(Broken);
        bench.Agent.Start(Bench.Work());

        await bench.Owner.NextAsync();
        Directory.Exists(directory).ShouldBeFalse();
    }

    [Fact]
    public async Task Release_EndsWhatRunsForThisBuildOnly()
    {
        await using var bench = new Bench();
        bench.Agent.Start(Bench.Work());
        bench.Agent.Start(Bench.Work("tenant/b2/Analyze#1"));
        await bench.Store.Asked.Task;
        await bench.Agent.ReleaseAsync("tenant/b");

        (await bench.Owner.NextAsync()).Handle.ShouldBe("tenant/b/Analyze#1");
        bench.Owner.TryNext(out _).ShouldBeFalse();
        bench.Agent.Cancel("tenant/b2/Analyze#1");
        (await bench.Owner.NextAsync()).Handle.ShouldBe("tenant/b2/Analyze#1");
    }

    [Fact]
    public async Task A_journal_that_cannot_be_written_does_not_change_the_outcome()
    {
        await using var bench = new Bench();
        bench.Events.FlushAsync(Arg.Any<string>(), Arg.Any<CancellationToken>()).Returns(Task.FromException(new IOException("the journal cannot be written")));
        bench.Store.Answer.SetResult(Broken);
        bench.Agent.Start(Bench.Work());

        (await bench.Owner.NextAsync()).Failure!.Message.ShouldBe("the builder is broken");
    }

    [Fact]
    public async Task A_report_that_fails_is_told_again()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.Zero };
        await using var bench = new Bench(time);
        bench.Owner.Failures = 1;
        bench.Store.Answer.SetResult(Broken);
        bench.Agent.Start(Bench.Work());
        await bench.Owner.Failed.Task;
        var report = bench.Owner.NextAsync();
        while (!report.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        (await report).Failure!.Message.ShouldBe("the builder is broken");
    }

    [Fact]
    public async Task Dispose_EndsWhatRuns_AndTellsNobody()
    {
        var bench = new Bench();
        bench.Agent.Start(Bench.Work());
        await bench.Store.Asked.Task;
        await bench.DisposeAsync();

        // It goes on elsewhere: a report would be taken for the outcome.
        bench.Owner.TryNext(out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Abandon_EndsWhatRuns_ForgetsItAndTellsNobody()
    {
        await using var bench = new Bench();
        bench.Agent.Start(Bench.Work());
        await bench.Store.Asked.Task;
        bench.Agent.Builds.ShouldBe(["tenant/b"]);
        await bench.Agent.AbandonAsync();

        bench.Agent.Builds.ShouldBeEmpty();
        bench.Owner.TryNext(out _).ShouldBeFalse();
        bench.Agent.Cancel(Bench.Work().Handle).ShouldBeFalse();
    }

    [Fact]
    public async Task Analyze_MakesItsContentWarm()
    {
        await using var bench = new Bench();
        bench.Store.Answer.SetResult(Broken);
        bench.Agent.Start(Bench.Work());
        await bench.Owner.NextAsync();

        bench.Warm.Keys.ShouldBe(["app tenant/app"]);
    }
}
