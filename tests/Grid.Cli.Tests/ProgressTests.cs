using Grid.Cli.Progress;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Microsoft.Extensions.Time.Testing;
using Spectre.Console.Testing;

namespace Grid.Cli.Tests;

public sealed class ProgressTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly StepName Step = new()
    {
        Kind = ImageKind.Run, Extension = "samples/tools", File = "run.Dockerfile", Line = 4, Text = "RUN apt-get install [x]", Number = 1, Total = 2,
    };

    private static readonly BuildEvent[] Build =
    [
        new BuildStarted("t/b", "image") { At = Noon },
        new PhaseStarted(Phase.ExtendRun) { At = Noon },
        new StepStarted(Phase.ExtendRun, Step, false) { At = Noon, MissReason = "instruction changed" },
        new OutputWritten(Phase.ExtendRun, "Setting up \u001b[31m[cur", false) { At = Noon },
        new OutputWritten(Phase.ExtendRun, "l]\u001b[0m\nhalf", false) { At = Noon },
        new StepFinished(Phase.ExtendRun, Step, StepSource.Ran) { At = Noon.AddSeconds(2.5), Size = 1_500_000, DiffId = "sha256:1" },
        new StepFinished(Phase.ExtendRun, Step with { Number = 2 }, StepSource.Cached) { At = Noon.AddSeconds(2.5) },
        new PhaseFinished(Phase.ExtendRun, PhaseState.Done, null) { At = Noon.AddSeconds(3) },
        new BuildFinished(BuildState.Succeeded, 0) { At = Noon.AddSeconds(3) },
    ];

    [Theory]
    [InlineData("plain ünïcode 🚀\ttab", "plain ünïcode 🚀\ttab")]
    [InlineData("\u001b[31mred\u001b[0m", "red")]
    [InlineData("\u001b]0;title\aafter", "after")]
    [InlineData("\u001b]8;;http://x\u001b\\link", "link")]
    [InlineData("\u001b[2J\u001b[Hx", "x")]
    [InlineData("\u001b(Bx", "x")]
    [InlineData("\u001bcx", "x")]
    [InlineData("a\rb\bc\0d\u007fe\u009bf", "abcdef")]
    [InlineData("x\u001b", "x")]
    [InlineData("x\u001b[", "x")]
    [InlineData("x\u001b[12", "x")]
    [InlineData("x\u001b]0;no end", "x")]
    [InlineData("x\u001b(", "x")]
    [InlineData("abc\u202edcb\u2066\u2028", "abcdcb")]
    [InlineData("", "")]
    public void Printable_LeavesNothingThatActs(string line, string expected) => Words.Printable(line).ShouldBe(expected);

    [Theory]
    [InlineData(999, "999 B")]
    [InlineData(1500, "1.5 kB")]
    [InlineData(1_500_000, "1.5 MB")]
    [InlineData(1_500_000_000, "1.50 GB")]
    public void Bytes_AreShownInTheirUnit(long bytes, string expected) => Words.Bytes(bytes).ShouldBe(expected);

    [Fact]
    public void Plain_ShowsEachLineWithItsPhase()
    {
        using var output = new StringWriter();
        using (var progress = new PlainProgress(output))
        {
            foreach (var buildEvent in Build)
                progress.Show(buildEvent);
        }

        output.ToString().ReplaceLineEndings("\n").ShouldBe("""
            extend run   started
            extend run   [1/2] samples/tools run.Dockerfile:4 RUN apt-get install [x]
            extend run       runs because instruction changed
            extend run     Setting up [curl]
            extend run     half
            extend run   [1/2] ran in 2.50 s, layer 1.5 MB
            extend run   [2/2] samples/tools run.Dockerfile:4 RUN apt-get install [x] CACHED
            extend run   done in 3.00 s

            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Plain_OutputOfTwoPhases_IsNotMixedWithinALine()
    {
        using var output = new StringWriter();
        var progress = new PlainProgress(output);
        foreach (var (phase, text) in new[] { (Phase.Build, "bu"), (Phase.ExtendRun, "ru"), (Phase.Build, "ild\n"), (Phase.ExtendRun, "n") })
            progress.Show(new OutputWritten(phase, text, false) { At = Noon });
        progress.Dispose();

        output.ToString().ReplaceLineEndings("\n").ShouldBe("build          build\nextend run     run\n");
    }

    [Fact]
    public void Plain_LineWithoutEnd_IsShownInPieces()
    {
        using var output = new StringWriter();
        using var progress = new PlainProgress(output);
        for (var n = 0; n < 100; n++)
            progress.Show(new OutputWritten(Phase.Build, new string('x', 1000), false) { At = Noon });

        output.ToString().Split('\n').Length.ShouldBe(100_000 / PlainProgress.MaxLine + 1);
    }

    [Fact]
    public void Json_IsOneEventALine()
    {
        using var output = new StringWriter();
        using var progress = new JsonProgress(output);
        foreach (var buildEvent in Build)
            progress.Show(buildEvent);

        var lines = output.ToString().TrimEnd().Split('\n');
        lines.Length.ShouldBe(Build.Length);
        lines[0].ShouldContain("\"event\":\"build-started\"");
        lines.ShouldAllBe(line => line.StartsWith('{') && !line.Contains('\u001b'));
    }

    [Fact]
    public void Terminal_ShowsWhatRunsAndLeavesWhatIsDone()
    {
        using var console = new TestConsole().Width(100);
        var time = new FakeTimeProvider(Noon);
        using (var progress = new TerminalProgress(console, time))
        {
            foreach (var buildEvent in Build[..5])
                progress.Show(buildEvent);
            console.Output.ShouldContain("→ [1/2] samples/tools run.Dockerfile:4 RUN apt-get install [x]");
            console.Output.ShouldContain("runs because instruction changed");
            console.Output.ShouldContain("Setting up [curl]");
            time.Advance(TimeSpan.FromSeconds(1));
            console.Output.ShouldContain("1.00 s");
            foreach (var buildEvent in Build[5..])
                progress.Show(buildEvent);
        }

        console.Output.ShouldContain("✓ extend run 3.00 s");
        console.Output.ShouldContain("CACHED [2/2]");
        console.Output.ShouldContain("ran 2.50 s 1.5 MB");
    }

    [Fact]
    public void Terminal_LongLine_TakesOneRow()
    {
        using var console = new TestConsole().Width(60);
        using var progress = new TerminalProgress(console, new FakeTimeProvider(Noon));
        progress.Show(new PhaseStarted(Phase.Build) { At = Noon });
        progress.Show(new OutputWritten(Phase.Build, new string('[', 500) + "\n", false) { At = Noon });

        console.Lines.ShouldAllBe(line => line.Length <= 60);
    }

    [Fact]
    public void Timeline_DrawsPhasesOnOneAxis()
    {
        var timeline = new Timeline();
        timeline.Lines().ShouldBeEmpty();
        timeline.Add(new PhaseStarted(Phase.Analyze) { At = Noon });
        timeline.Add(new PhaseFinished(Phase.Analyze, PhaseState.Done, null) { At = Noon.AddSeconds(1) });
        timeline.Add(new PhaseStarted(Phase.ExtendRun) { At = Noon.AddSeconds(1) });
        timeline.Add(new PhaseFinished(Phase.ExtendRun, PhaseState.Done, null) { At = Noon.AddSeconds(4) });

        timeline.Lines().ShouldBe(
        [
            $"analyze      │{new string('█', 12)}{new string(' ', 36)}│ 1.00 s",
            $"extend run   │{new string(' ', 12)}{new string('█', 36)}│ 3.00 s",
        ]);
    }
}
