using System.Globalization;
using Grid.Client.Models;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>
/// Builds while everything around them fails: three nodes with Redis, Azurite and a registry, real sandboxes, and faults that follow from a seed.
/// <c>tests/chaos.sh</c> runs it at length.
/// </summary>
public sealed class ChaosTests(TestMachine machine, ITestOutputHelper output)
{
    private static readonly string[] Tenants = ["red", "blue"];
    private static readonly string[] Apps = ["one", "two"];

    [Fact]
    public void Schedule_OfASeed_IsAlwaysTheSame()
    {
        var schedule = ChaosSchedule.Of(17, TimeSpan.FromMinutes(10), ChaosGrid.Size, Enum.GetValues<FaultKind>());

        ChaosSchedule.Of(17, TimeSpan.FromMinutes(10), ChaosGrid.Size, Enum.GetValues<FaultKind>()).ShouldBe(schedule);
        ChaosSchedule.Of(18, TimeSpan.FromMinutes(10), ChaosGrid.Size, Enum.GetValues<FaultKind>()).ShouldNotBe(schedule);
        schedule.Select(f => f.Kind).Distinct().Count().ShouldBeGreaterThan(6);
        schedule.ShouldAllBe(f => f.Node >= 0 && f.Node < ChaosGrid.Size && f.Lasts >= TimeSpan.Zero);
    }

    /// <summary>Runs with <c>GRID_CHAOS_SEED</c> and <c>GRID_CHAOS_SECONDS</c>; <c>GRID_CHAOS_FAULTS</c> names kinds of faults when not all are wanted.</summary>
    [Fact]
    public async Task AcceptedBuilds_UnderRandomFaults_EndOnceWithTheImagesOfAnUndisturbedRun()
    {
        if (Environment.GetEnvironmentVariable("GRID_CHAOS_SEED") is not { Length: > 0 } text)
        {
            Assert.Skip("the long form: tests/chaos.sh");
            return;
        }
        var seed = int.Parse(text, CultureInfo.InvariantCulture);
        var duration = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("GRID_CHAOS_SECONDS") ?? "60", CultureInfo.InvariantCulture));
        var kinds = Environment.GetEnvironmentVariable("GRID_CHAOS_FAULTS") is { Length: > 0 } names ? names.Split(',').Select(Enum.Parse<FaultKind>).ToArray() : Enum.GetValues<FaultKind>();
        var schedule = ChaosSchedule.Of(seed, duration, ChaosGrid.Size, kinds);
        output.WriteLine($"seed {seed}, {duration.TotalSeconds} s");
        var bench = await machine.NewAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(duration + TimeSpan.FromMinutes(8));
        await using var grid = await ChaosGrid.StartAsync(bench, await NodeNetwork.BridgeAsync(ChaosGrid.Size), pace: "0.2", patience.Token);
        try
        {
            await RunAsync(grid, schedule, patience.Token);
        }
        finally
        {
            await grid.SaveAsync($"seed-{seed}");
        }
    }

    [Fact]
    public async Task AcceptedBuilds_ANodeKilledAndARegistryThatFails_EndOnceWithTheImagesOfAnUndisturbedRun()
    {
        var bench = await machine.NewAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(10));
        await using var grid = await ChaosGrid.StartAsync(bench, NodeNetwork.Loopback(), pace: "0.05", patience.Token);
        try
        {
            var load = new BuildLoad(grid.Any, grid.ClientOf, grid.Builder, $"{grid.Registry.Host}/chaos");
            foreach (var tenant in Tenants)
                await load.AddTenantAsync(tenant, patience.Token);
            var held = await load.SubmitAsync(new ChaosSource("red", "one", 1) { Holds = true }, patience.Token);
            var other = await load.SubmitAsync(new ChaosSource("blue", "one", 1), patience.Token);
            var killed = await grid.HolderOfAsync(held, patience.Token);
            var errors = 2;
            grid.Registry.Begin(r => r.Method == "PUT" && r.Path.Value!.Contains("/manifests/", StringComparison.Ordinal) && Interlocked.Decrement(ref errors) >= 0 ? RegistryFault.Error : RegistryFault.None);
            await killed.KillAsync();
            var next = await ChaosGrid.FirstAsync(() => grid.Nodes.FirstOrDefault(n => n != killed && File.Exists(Path.Combine(n.Workspace(held), ChaosBuilder.Hold))), patience.Token);
            await killed.StartAsync(patience.Token);
            next.LetGo(held);
            var ends = new Dictionary<AcceptedBuild, BuildResource> { [held] = await load.EndAsync(held, patience.Token), [other] = await load.EndAsync(other, patience.Token) };

            errors.ShouldBeLessThan(0);
            await CheckAsync(grid, load, ends, patience.Token);
        }
        finally
        {
            await grid.SaveAsync("short");
        }
    }

    private async Task RunAsync(ChaosGrid grid, IReadOnlyList<Fault> schedule, CancellationToken cancellationToken)
    {
        var load = new BuildLoad(grid.Any, grid.ClientOf, grid.Builder, $"{grid.Registry.Host}/chaos");
        foreach (var tenant in Tenants)
            await load.AddTenantAsync(tenant, cancellationToken);
        var wanted = true;
        var builds = Task.WhenAll(Tenants.SelectMany(tenant => Apps.Select(app => load.RepeatAsync(tenant, app, () => Volatile.Read(ref wanted), cancellationToken))));
        foreach (var fault in schedule)
        {
            await Task.Delay(fault.After, cancellationToken);
            output.WriteLine($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {fault}");
            await grid.MeetAsync(fault, cancellationToken);
            await grid.SuperviseAsync(cancellationToken);
        }
        Volatile.Write(ref wanted, false);
        output.WriteLine($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} all faults are over");
        while (!builds.IsCompleted)
        {
            await grid.SuperviseAsync(cancellationToken);
            await Task.WhenAny(builds, Task.Delay(TimeSpan.FromSeconds(1), cancellationToken));
        }
        await builds;
        var ends = new Dictionary<AcceptedBuild, BuildResource>();
        foreach (var build in load.Accepted)
            ends[build] = await load.EndAsync(build, cancellationToken);
        output.WriteLine($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {ends.Count} builds: {string.Join(", ", ends.Values.CountBy(e => e.State))}");
        await CheckAsync(grid, load, ends, cancellationToken);
    }

    private async Task CheckAsync(ChaosGrid grid, BuildLoad load, IReadOnlyDictionary<AcceptedBuild, BuildResource> ends, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> problems =
        [
            .. await Aftermath.ProblemsAsync(grid, load, ends, cancellationToken),
            .. await Aftermath.DifferencesAsync(grid, load, ends, cancellationToken),
            .. await Aftermath.LeftoversAsync(grid, cancellationToken),
        ];
        foreach (var problem in problems)
            output.WriteLine("PROBLEM " + problem);
        problems.ShouldBeEmpty();
    }
}
