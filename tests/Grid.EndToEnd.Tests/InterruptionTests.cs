using System.Diagnostics;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>Builds that are stopped from outside leave nothing, or the next start removes it.</summary>
public sealed class InterruptionTests(TestMachine machine)
{
    [Theory]
    [InlineData("INT", "RUN echo now && sleep 3662.1157", "3662.1157")]
    [InlineData("TERM", "RUN echo now && sleep 3662.2268", "3662.2268")]
    public async Task Build_StoppedWhileStepsRun_EndsCancelledAndClean(string signal, string instruction, string marker)
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/slow", BuilderDirectory.AsRoot(instruction), BuilderDirectory.AsRoot(instruction));

        var (run, duration) = await StopAsync(bench, signal, marker, processes: 2);

        run.End.GetProperty("state").GetString().ShouldBe("Cancelled");
        run.ExitCode.ShouldBe(130);
        run.Process.Error.ShouldNotContain("   at ");
        duration.ShouldBeLessThan(TimeSpan.FromMinutes(10));
        Leftovers.Of(bench.Data, marker).ShouldBeEmpty();
        Leftovers.Staying(bench.Data).ShouldBeEmpty();
        Directory.Exists(bench.Layout).ShouldBeFalse();
    }

    [Fact]
    public async Task Build_StoppedWhileABuildpackRuns_EndsCancelledAndClean()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app", build: "echo now\nsleep 3662.3379 &\nsleep 3662.3379");

        var (run, duration) = await StopAsync(bench, "INT", "3662.3379", processes: 2);

        run.End.GetProperty("state").GetString().ShouldBe("Cancelled");
        run.ExitCode.ShouldBe(130);
        duration.ShouldBeLessThan(TimeSpan.FromMinutes(10));
        Leftovers.Of(bench.Data, "3662.3379").ShouldBeEmpty();
    }

    [Fact]
    public async Task Build_Killed_TheNextStartRemovesWhatWasLeft()
    {
        const string Marker = "3662.4480";
        var bench = await machine.NewAsync();
        var canary = "canary-" + Guid.NewGuid().ToString("N");
        var secret = Path.Combine(bench.Root, "secret");
        await File.WriteAllTextAsync(secret, canary, TestContext.Current.CancellationToken);
        bench.Builder.Buildpack("test/app").Dockerfiles("test/slow", BuilderDirectory.AsRoot($"RUN --mount=type=secret,id=token <<E\n#!/bin/sh\n# {canary}\necho now && sleep {Marker}\nE"));
        using (var process = Start(bench, "--secret", $"id=token,src={secret}"))
        {
            await WaitForAsync(Marker, 1, process);
            (await Leftovers.MountedAsync(canary)).Count.ShouldBe(2, "the secret and the script");
            process.Kill();
            await Tool.EndAsync(process);
        }
        // Mounts went with the process; the rest shows that the check below would find what is left.
        File.ReadAllText("/proc/self/mountinfo").ShouldNotContain(bench.Data);
        Leftovers.Things(bench.Data).ShouldContain(left => left.StartsWith("control group: ", StringComparison.Ordinal));
        Leftovers.Things(bench.Data).ShouldContain(left => left.StartsWith(Path.Combine(bench.Data, "sandbox", "sandboxes"), StringComparison.Ordinal));

        bench.Builder.Dockerfiles("test/quick", BuilderDirectory.AsRoot("RUN true"));
        bench.Builder.Write();
        await File.WriteAllTextAsync(Path.Combine(bench.Builder.Path, "extensions", "test_slow", "bin", "generate"), "#!/bin/sh\n");
        (await bench.BuildAsync()).ShouldSucceed();

        Leftovers.Of(bench.Data, Marker).ShouldBeEmpty();
        Leftovers.Staying(bench.Data).ShouldBeEmpty();
        (await Leftovers.MountedAsync(canary)).ShouldBeEmpty();
    }

    private static Process Start(Workbench bench, params string[] flags) =>
        bench.Start(["build", bench.App, "--builder", bench.Builder.Write(), "--image", "test/app", "--output", $"oci:{bench.Layout}:app", "--json", .. flags]);

    private static async Task<(BuildRun Run, TimeSpan Duration)> StopAsync(Workbench bench, string signal, string marker, int processes)
    {
        using var process = Start(bench);
        await WaitForAsync(marker, processes, process);
        var watch = Stopwatch.StartNew();
        await Tool.RunAsync("/bin/kill", "-" + signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var run = BuildRun.Parse(await Tool.EndAsync(process));
        return (run, watch.Elapsed);
    }

    /// <summary>Waits until so many processes in sandboxes sleep.</summary>
    private static async Task WaitForAsync(string marker, int processes, Process grid)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (Leftovers.Processes(marker).Count(command => command.StartsWith("sleep ", StringComparison.Ordinal)) < processes)
        {
            if (grid.HasExited)
                throw new InvalidOperationException($"grid ended too early: {await Tool.EndAsync(grid)}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        }
    }
}
