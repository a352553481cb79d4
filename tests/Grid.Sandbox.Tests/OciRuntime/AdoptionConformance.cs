using Grid.Sandbox.OciRuntime;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>What a process of the node does with sandboxes that another one left when it was killed.</summary>
public abstract class AdoptionConformance(string name) : SandboxTests
{
    private const string AwaitGo = "until [ -e /volume/go ]; do sleep 0.05; done";

    private string State => Path.Combine(Directory, "orphaned");

    private string Volume => Path.Combine(Directory, "volume");

    private string Sandbox => Path.Combine(State, "sandboxes", "survivor");

    protected override ISandboxRuntime CreateRuntimeAt(string directory) => Make(900);

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);

    [Fact]
    public async Task ProcessThatRuns_GoesOnAndIsFollowedToItsEnd()
    {
        await OrphanAsync(900, "one", $"mkdir /made; echo first >/made/file; echo one; {AwaitGo}; echo two; echo three >&2; echo second >>/made/file; exit 7");
        using var runtime = Make(900);
        await runtime.RecoverAsync(Stop);
        runtime.Survivors.ShouldBe([new SurvivingSandbox("survivor", DyingOwner.Identity)]);
        await using var sandbox = await runtime.CreateAsync(DyingOwner.Spec("later", Volume), Stop);
        runtime.Survivors.ShouldBeEmpty();
        sandbox.Life.ShouldNotBeNull().Adopted.ShouldBeTrue();
        var output = new Capture();

        var run = sandbox.RunAsync(DyingOwner.Script("not started", output), Stop);
        await output.FirstOutput.WaitAsync(Patience, Stop);
        Go();

        (await run.WaitAsync(Patience, Stop)).ExitCode.ShouldBe(7);
        output.Text(isError: false).ShouldBe("one\ntwo\n");
        output.Text(isError: true).ShouldBe("three\n");
        // Everything else is as in any sandbox.
        var (exitCode, text, errors) = await ShellAsync(sandbox, "cat /made/file; ls /volume");
        (exitCode, text, errors).ShouldBe((0, "first\nsecond\ngo\n", ""));
        var layer = await sandbox.CommitAsync(Stop);
        var undisturbed = await StepAsync("mkdir /made; echo first >/made/file; echo second >>/made/file");
        layer.ShouldNotBeNull().DiffId.ShouldBe(undisturbed.ShouldNotBeNull().DiffId);
    }

    [Fact]
    public async Task ProcessThatEndedMeanwhile_HasItsResultAndAllItPrinted()
    {
        await OrphanAsync(900, "one", "echo earlier; exit 3", $"echo one; {AwaitGo}; i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i + 1)); done; echo done >/made; exit 4");
        Go();
        await UntilAsync(() => File.Exists(Path.Combine(Sandbox, "survivor-2", "exit")) && !IsRunning("grid-supervisor", Path.Combine(Sandbox, "survivor-2")));
        using var runtime = Make(900);
        await runtime.RecoverAsync(Stop);
        await using var sandbox = await runtime.CreateAsync(DyingOwner.Spec("later", Volume), Stop);

        foreach (var (exitCode, text) in new[] { (3, "earlier\n"), (4, "one\n" + string.Concat(Enumerable.Range(0, 500).Select(i => $"line {i}\n"))) })
        {
            var output = new Capture();
            (await sandbox.RunAsync(DyingOwner.Script("not started", output), Stop)).ExitCode.ShouldBe(exitCode);
            output.Text(isError: false).ShouldBe(text);
        }
        (await ShellAsync(sandbox, "cat /made")).Output.ShouldBe("done\n");
        Paths(await sandbox.CommitAsync(Stop)).ShouldBe(["made"]);
    }

    [Fact]
    public async Task ProcessThatNobodyClaims_EndsByItself()
    {
        var marker = Marker();
        await OrphanAsync(2, "one", $"echo one; sleep {marker}");

        await UntilAsync(() => !IsRunning("sleep", marker) && !IsRunning("grid-supervisor", Path.Combine(Sandbox, "survivor-1")));
        using var runtime = Make(2);
        await runtime.RecoverAsync(Stop);

        runtime.Survivors.ShouldBeEmpty();
        System.IO.Directory.GetDirectories(Path.Combine(State, "sandboxes")).ShouldBeEmpty();
    }

    [Fact]
    public async Task SurvivorThatIsEnded_LeavesNothing()
    {
        var marker = Marker();
        await OrphanAsync(900, "one", $"echo one; sleep {marker}");
        using var runtime = Make(900);
        await runtime.RecoverAsync(Stop);
        await UntilAsync(() => IsRunning("sleep", marker));

        await runtime.EndAsync(runtime.Survivors.ShouldHaveSingleItem());

        await UntilAsync(() => !IsRunning("sleep", marker) && !IsRunning("grid-supervisor", Path.Combine(Sandbox, "survivor-1")));
        System.IO.Directory.GetDirectories(Path.Combine(State, "sandboxes")).ShouldBeEmpty();
    }

    [Fact]
    public async Task OtherWork_GetsASandboxOfItsOwn()
    {
        var marker = Marker();
        await OrphanAsync(900, "one", $"echo one; sleep {marker}");
        using var runtime = Make(900);
        await runtime.RecoverAsync(Stop);

        await using (var sandbox = await runtime.CreateAsync(DyingOwner.Spec("other", Volume) with { Identity = DyingOwner.Identity with { Work = "sha256:other" } }, Stop))
            sandbox.Life.ShouldNotBeNull().Adopted.ShouldBeFalse();

        await runtime.EndAsync(runtime.Survivors.ShouldHaveSingleItem());
    }

    [Fact]
    public async Task NodeThatLetsNothingSurvive_RemovesWhatIsThere()
    {
        var marker = Marker();
        await OrphanAsync(900, "one", $"echo one; sleep {marker}");
        using var runtime = OciRuntimeUnderTest.Make(State, name, Directory, Store);
        await runtime.RecoverAsync(Stop);

        await UntilAsync(() => !IsRunning("sleep", marker));
        System.IO.Directory.GetDirectories(Path.Combine(State, "sandboxes")).ShouldBeEmpty();
    }

    [Fact]
    public async Task AdoptedProcess_IsKilledWhenItIsCancelled()
    {
        var marker = Marker();
        await OrphanAsync(900, "one", $"echo one; sleep {marker}");
        using var runtime = Make(900);
        await runtime.RecoverAsync(Stop);
        await using var sandbox = await runtime.CreateAsync(DyingOwner.Spec("later", Volume), Stop);
        using var cancellation = new CancellationTokenSource();
        var output = new Capture();

        var run = sandbox.RunAsync(DyingOwner.Script("not started", output), cancellation.Token);
        await output.FirstOutput.WaitAsync(Patience, Stop);
        await cancellation.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => run.WaitAsync(Patience, Stop));
        await UntilAsync(() => !IsRunning("sleep", marker));
    }

    private static string Marker() => $"{Random.Shared.Next(100_000, 999_999)}";

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(Patience);
        while (!condition())
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
    }

    private OciSandboxRuntime Make(double orphanSeconds) =>
        OciRuntimeUnderTest.Make(State, name, Directory, Store, options => options with { OrphanTime = TimeSpan.FromSeconds(orphanSeconds) });

    private void Go() => File.WriteAllText(Path.Combine(Volume, "go"), "");

    /// <summary>Scripts run one after another in a sandbox of a process that is killed when the last has printed a line.</summary>
    private async Task OrphanAsync(double orphanSeconds, string until, params string[] scripts)
    {
        using (Make(orphanSeconds))
        {
            // Only to skip where the runtime does not work.
        }
        System.IO.Directory.CreateDirectory(Volume);
        await DyingOwner.RunAndKillAsync(new DyingOwner.Orders(State, Store.Root, OciRuntimeUnderTest.ControlGroupOf(Directory), name, Volume, orphanSeconds, scripts), until, Stop);
    }
}

/// <summary>Adoption with runc.</summary>
public sealed class RuncAdoption() : AdoptionConformance("runc");

/// <summary>Adoption with crun.</summary>
public sealed class CrunAdoption() : AdoptionConformance("crun");
