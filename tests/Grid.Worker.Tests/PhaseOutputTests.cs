using System.Runtime.CompilerServices;
using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Lifecycle;
using Grid.Sandbox;

namespace Grid.Worker.Tests;

public sealed class PhaseOutputTests
{
    private static readonly SandboxLife Made = new("s1", Adopted: false), Adopted = Made with { Adopted = true };

    /// <summary>Whatever of it was printed before the silo died, all of it is in the journal once.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(11)]
    public async Task Follow_OfAnAdoptedSandbox_LeavesOutWhatTheJournalHas(int printed)
    {
        var all = Encoding.UTF8.GetBytes("tür\n€ end\n");
        var journal = new Journal();
        var first = new PhaseOutput("t/b", Phase.Build, journal, TimeProvider.System);
        await first.FollowAsync(Made, TestContext.Current.CancellationToken);
        first.Log(PhaseLogLevel.Info, "a line");
        first.Write(all.AsSpan(0, Math.Min(printed, 2)), isError: false);
        first.Write(all.AsSpan(Math.Min(printed, 2), printed - Math.Min(printed, 2)), isError: false);

        var second = new PhaseOutput("t/b", Phase.Build, journal, TimeProvider.System);
        await second.FollowAsync(Adopted, TestContext.Current.CancellationToken);
        second.Log(PhaseLogLevel.Info, "a line");
        second.Log(PhaseLogLevel.Info, "another");
        foreach (var b in all)
            second.Write([b], isError: false);

        journal.Of(1).ShouldBe("tür\n€ end\n");
        journal.Of(0).ShouldBe("a line\nanother\n");
    }

    [Fact]
    public async Task Follow_OfASandboxThatEndsWithItsSilo_MarksNothing()
    {
        var journal = new Journal();
        var output = new PhaseOutput("t/b", Phase.Build, journal, TimeProvider.System);
        await output.FollowAsync(null, TestContext.Current.CancellationToken);
        output.Write("text"u8, isError: true);

        journal.Events.ShouldHaveSingleItem().ShouldBeOfType<OutputWritten>().ShouldSatisfyAllConditions(e => e.Mark.ShouldBeNull(), e => e.Text.ShouldBe("text"));
    }

    /// <summary>Events in memory.</summary>
    private sealed class Journal : IBuildEvents
    {
        public List<BuildEvent> Events { get; } = [];

        public string Of(int stream) => string.Concat(Events.OfType<OutputWritten>().Where(e => e.Mark is { Sandbox: "s1" } mark && mark.Stream == stream).Select(e => e.Text));

        public void Append(string buildKey, BuildEvent buildEvent) => Events.Add(buildEvent);

        public Task FlushAsync(string buildKey, CancellationToken cancellationToken) => Task.CompletedTask;

        public async IAsyncEnumerable<RecordedEvent> ReadAsync(string buildKey, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            foreach (var recorded in Events.ToList())
                yield return new RecordedEvent(recorded, 0);
        }
    }
}
