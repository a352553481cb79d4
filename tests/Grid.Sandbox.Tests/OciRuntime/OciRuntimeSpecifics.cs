using System.Diagnostics;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime;
using Mounts = Grid.Sandbox.OciRuntime.Mounts.Overlay;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>What only this adapter has: options, recovery after a crash, several processes on one state directory.</summary>
public sealed class OciRuntimeSpecifics : SandboxTests
{
    private const string RuntimeName = "runc";

    protected override ISandboxRuntime CreateRuntimeAt(string directory) => Make(directory);

    protected override void AssertNothingLeft() => OciRuntimeUnderTest.AssertNothingLeft(Directory);

    [Fact]
    public async Task CaBundle_IsVisibleNamedByVariablesAndNeverPartOfALayer()
    {
        var bundle = Path.Combine(Directory, "ca.pem");
        await File.WriteAllTextAsync(bundle, "-----CA-----\n", Stop);
        using var runtime = Make(Path.Combine(Directory, "ca"), options => options with { CaBundle = bundle });
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        var (_, output, _) = await ShellAsync(sandbox, "cat $SSL_CERT_FILE; echo $CURL_CA_BUNDLE $PIP_CERT; echo x > /run/grid/ca-certificates.crt", p => p with { Environment = ["PATH=/bin", "PIP_CERT=/mine"] });
        output.ShouldBe("-----CA-----\n/run/grid/ca-certificates.crt /mine\n");
        (await sandbox.CommitAsync(Stop)).ShouldBeNull();
    }

    [Fact]
    public void Name_UnknownRuntime_SaysWhatToDo()
    {
        using var runtime = new OciSandboxRuntime(new OciRuntimeOptions { StateDirectory = Path.Combine(Directory, "none"), Runtime = "no-such-runtime" }, Store);
        runtime.Name.ShouldContain("install crun or runc");
    }

    [Theory]
    [InlineData("relative")]
    [InlineData("/with,comma")]
    public void Constructor_ImpossibleStateDirectory_Throws(string path) =>
        Should.Throw<ArgumentException>(() => new OciSandboxRuntime(new OciRuntimeOptions { StateDirectory = path }, Store)).Message.ShouldContain(path);

    [Theory]
    [InlineData("../x")]
    [InlineData(".x")]
    [InlineData("a/b")]
    [InlineData("")]
    public async Task CreateAsync_HandleThatIsAPath_Throws(string handle)
    {
        using var runtime = Make(Path.Combine(Directory, "handles"));
        await Should.ThrowAsync<ArgumentException>(() => runtime.CreateAsync(Spec() with { Handle = handle }, Stop));
    }

    [Fact]
    public async Task CommitAsync_SparseFilesBeyondTheBound_AreRefusedWithoutReadingThem()
    {
        using var runtime = Make(Path.Combine(Directory, "sparse"), options => options with { MaxLayerBytes = 1L << 40 });
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        (await ShellAsync(sandbox, "truncate -s 800G /data/huge /data/huge2")).ExitCode.ShouldBe(0);
        // Reading them would take hours.
        (await Should.ThrowAsync<SandboxException>(() => sandbox.CommitAsync(Stop).WaitAsync(TimeSpan.FromMinutes(5), Stop))).Message.ShouldContain("1099511627776");
    }

    [Fact]
    public async Task TryRemoveUnpacked_Mounted_IsRefusedUntilTheSandboxIsGone()
    {
        using var runtime = Make(Path.Combine(Directory, "unpacked"));
        var sandbox = await runtime.CreateAsync(Spec(), Stop);
        var unpacked = runtime.ListUnpacked().ShouldHaveSingleItem();
        unpacked.Bytes.ShouldBeGreaterThan(1000);
        runtime.TryRemoveUnpacked(unpacked.Name).ShouldBeFalse();
        (await ShellAsync(sandbox, "echo hello > /data/file; cat /data/file")).Output.ShouldBe("hello\n");
        var layer = await sandbox.CommitAsync(Stop);
        await sandbox.DisposeAsync();
        runtime.ListUnpacked().Count.ShouldBe(2);

        foreach (var each in runtime.ListUnpacked())
            runtime.TryRemoveUnpacked(each.Name).ShouldBeTrue();
        runtime.ListUnpacked().ShouldBeEmpty();
        runtime.TryRemoveUnpacked(unpacked.Name).ShouldBeFalse();
        // What is gone is unpacked again.
        await using var again = await runtime.CreateAsync(Spec(layer.ShouldNotBeNull()), Stop);
        (await ShellAsync(again, "cat /data/file")).Output.ShouldBe("hello\n");
    }

    [Fact]
    public async Task TryRemoveUnpacked_AnotherProcessUsesTheDirectory_IsRefused()
    {
        var state = Path.Combine(Directory, "unpacked-shared");
        using var first = Make(state);
        await (await first.CreateAsync(Spec(), Stop)).DisposeAsync();
        var second = Make(state);
        first.TryRemoveUnpacked(first.ListUnpacked().Single().Name).ShouldBeFalse();
        second.Dispose();
        first.TryRemoveUnpacked(first.ListUnpacked().Single().Name).ShouldBeTrue();
    }

    [Theory]
    [InlineData("../boot")]
    [InlineData("")]
    [InlineData("nothing")]
    public void TryRemoveUnpacked_NoName_IsRefused(string name)
    {
        using var runtime = Make(Path.Combine(Directory, "unpacked-names"));
        runtime.TryRemoveUnpacked(name).ShouldBeFalse();
    }

    [Fact]
    public async Task RunAsync_FileBeyondTheBoundOfALayer_CannotBeWritten()
    {
        using var runtime = Make(Path.Combine(Directory, "big"), options => options with { MaxLayerBytes = 1 << 20 });
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        (await ShellAsync(sandbox, "dd if=/dev/zero of=/data/big bs=65536 count=32 status=none")).ExitCode.ShouldNotBe(0);
        sandbox.Files.Stat("/data/big").ShouldNotBeNull().Size.ShouldBe(1 << 20);
    }

    [Fact]
    public async Task RunAsync_DiskNearlyFull_KillsTheProcessAndSaysSo()
    {
        var free = new DriveInfo(Directory).AvailableFreeSpace;
        using var runtime = Make(Path.Combine(Directory, "full"), options => options with { MinFreeBytes = free + (1L << 40) });
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        (await Should.ThrowAsync<SandboxException>(() => ShellAsync(sandbox, "sleep 1000"))).Message.ShouldContain("free on the node's disk");
    }

    [Fact]
    public async Task RecoverAsync_AnotherProcessOfTheDirectoryLives_LeavesItsSandboxAlone()
    {
        var state = Path.Combine(Directory, "shared");
        using var first = Make(state);
        using var second = Make(state);
        await using var sandbox = await first.CreateAsync(Spec(), Stop);
        await second.RecoverAsync(Stop);
        (await ShellAsync(sandbox, "echo alive")).Output.ShouldBe("alive\n");
    }

    [Fact]
    public async Task RecoverAsync_AfterKillMinus9_RemovesProcessesMountsGroupsAndDirectories()
    {
        var state = Path.Combine(Directory, "crashed");
        using (Make(state))
        {
            // Only to skip where no runtime works.
        }
        var marker = $"{Random.Shared.Next(100_000, 999_999)}";
        string[] program = Path.GetFileName(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. program, .. CrashingProcess.Arguments]) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment[CrashingProcess.Variable] = CrashingProcess.Describe(state, Store.Root, OciRuntimeUnderTest.ControlGroupOf(Directory), RuntimeName, marker);
        using var child = Process.Start(start)!;
        string? line;
        do
            line = await child.StandardOutput.ReadLineAsync(Stop).AsTask().WaitAsync(Patience, Stop);
        while (line is not (null or "running"));
        line.ShouldBe("running");
        ShouldRun("sleep", marker);
        child.Kill();
        await child.WaitForExitAsync(Stop);
        using var runtime = Make(state);
        await runtime.RecoverAsync(Stop);
        IsRunning("sleep", marker).ShouldBeFalse();
        SpinWait.SpinUntil(() => !HasNetwork(child.Id), Patience).ShouldBeTrue("slirp4netns of the dead process ends by itself");
        System.IO.Directory.GetDirectories(Path.Combine(state, "sandboxes")).ShouldBeEmpty();
        System.IO.Directory.GetDirectories(Path.Combine(state, "runtime", RuntimeName)).ShouldBeEmpty();
        System.IO.Directory.GetFiles(Path.Combine(state, "owners")).ShouldHaveSingleItem();
        (await File.ReadAllTextAsync("/proc/self/mountinfo", Stop)).ShouldNotContain(state);
        await using var again = await runtime.CreateAsync(new SandboxSpec("crash", [BaseImage.Layer], BaseImage.Store), Stop);
        (await ShellAsync(again, "true")).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task CreateAsync_HandleOfADeadProcess_IsTakenOver()
    {
        var state = Path.Combine(Directory, "takeover");
        using var runtime = Make(state);
        var sandbox = Path.Combine(state, "sandboxes", "stale");
        System.IO.Directory.CreateDirectory(Path.Combine(sandbox, "upper"));
        await File.WriteAllTextAsync(Path.Combine(sandbox, "owner"), "0123456789abcdef", Stop);
        await using var fresh = await runtime.CreateAsync(new SandboxSpec("stale", [BaseImage.Layer], BaseImage.Store), Stop);
        (await ShellAsync(fresh, "true")).ExitCode.ShouldBe(0);
    }

    [Theory]
    [InlineData("runc")]
    [InlineData("crun")]
    public async Task TrivialProcess_CostsLittleMoreThanItsRuntime(string name)
    {
        using var runtime = OciRuntimeUnderTest.Make(Path.Combine(Directory, "speed"), name, Directory, Store);
        await using var sandbox = await runtime.CreateAsync(Spec(), Stop);
        var times = new List<double>();
        for (var i = 0; i < 25; i++)
        {
            var watch = Stopwatch.StartNew();
            (await sandbox.RunAsync(new ProcessSpec(["/bin/true"], [], "/", new ProcessUser(0, 0)), Stop)).ExitCode.ShouldBe(0);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }
        var create = Stopwatch.StartNew();
        await (await runtime.CreateAsync(Spec(), Stop)).DisposeAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{runtime.Name}: trivial process median {times.Order().ElementAt(12):0.0} ms, least {times.Min():0.0} ms; create + dispose {create.Elapsed.TotalMilliseconds:0.0} ms");
        // A bound for waits that have no business there; how fast it is, is what is printed.
        times.Min().ShouldBeLessThan(10_000);
    }

    [Fact]
    public async Task CreateAsync_AsOnOldKernels_WorksTheSame()
    {
        Mounts.UseOldCall = true;
        try
        {
            var layers = Enumerable.Range(0, 120).Select(i => BaseImage.Of(Store, (new LayerEntry($"n{i}", LayerEntryType.File), $"{i}"))).ToArray();
            var layer = await StepAsync("cat /n0 /n119; rm /n1; echo x > /data/x", layers);
            Paths(layer).ShouldBe([".wh.n1", "data", "data/x"]);
        }
        finally
        {
            Mounts.UseOldCall = false;
        }
    }

    private static bool HasNetwork(int process) => System.IO.Directory.GetDirectories("/proc").Any(directory =>
    {
        try
        {
            return File.ReadAllText(directory + "/cmdline").Contains($"\0/proc/{process}/fd/", StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    private OciSandboxRuntime Make(string state, Func<OciRuntimeOptions, OciRuntimeOptions>? change = null) =>
        OciRuntimeUnderTest.Make(state, RuntimeName, Directory, Store, change);
}
