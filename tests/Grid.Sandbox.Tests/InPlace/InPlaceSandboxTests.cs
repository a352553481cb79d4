using System.Diagnostics;
using System.Text;
using Grid.Sandbox.OciRuntime.InPlace;

namespace Grid.Sandbox.Tests.InPlace;

public sealed class InPlaceSandboxTests
{
    private static readonly ProcessUser Own = OwnIdentity.User;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static async Task<(ProcessResult Result, string Output, string Error)> RunAsync(ProcessSpec process)
    {
        var output = new Collected();
        await using var sandbox = new InPlaceSandbox();
        return (await sandbox.RunAsync(process with { Output = output }, Cancellation), output.Text(isError: false), output.Text(isError: true));
    }

    [Fact]
    public async Task RunAsync_GivesExactlyTheEnvironmentAndTheDirectory()
    {
        var (result, output, error) = await RunAsync(new ProcessSpec(["env"], ["PATH=/usr/bin:/bin", "A=1"], "/usr", Own));

        result.ShouldBe(new ProcessResult(0));
        output.ShouldBe("PATH=/usr/bin:/bin\nA=1\n");
        error.ShouldBeEmpty();
        (await RunAsync(new ProcessSpec(["/bin/pwd"], [], "/usr", Own))).Output.ShouldBe("/usr\n");
    }

    [Fact]
    public async Task RunAsync_SaysHowItEnded()
    {
        (await RunAsync(new ProcessSpec(["/bin/sh", "-c", "exit 7"], [], "/", Own))).Result.ExitCode.ShouldBe(7);
        (await RunAsync(new ProcessSpec(["/bin/sh", "-c", "kill -9 $$"], [], "/", Own))).Result.ExitCode.ShouldBe(137);
        (await RunAsync(new ProcessSpec(["/bin/sh", "-c", "echo o; echo e >&2"], [], "/", Own))).ShouldBe((new ProcessResult(0), "o\n", "e\n"));
    }

    [Theory]
    [InlineData("/no/such/program", 127)]
    [InlineData("no-such-program", 127)]
    [InlineData("/etc/passwd", 126)]
    public async Task RunAsync_WhatCannotBeStarted_SaysSo(string program, int exitCode)
    {
        var (result, _, error) = await RunAsync(new ProcessSpec([program], ["PATH=/usr/bin"], "/", Own));

        result.ExitCode.ShouldBe(exitCode);
        result.StartFailure.ShouldNotBeNull().ShouldContain(program);
        error.ShouldContain(program);
    }

    [Fact]
    public async Task RunAsync_AnotherUser_IsThatUserWithItsGroupsAndItsPipes()
    {
        Assert.SkipUnless(OwnIdentity.IsRoot, "only root can start a process as another user");
        var user = new ProcessUser(1234, 2345) { SupplementaryGroups = [3456] };

        var (result, output, _) = await RunAsync(new ProcessSpec(
            ["/bin/sh", "-c", "id -u; id -g; id -G; echo to-the-path >/dev/stdout; grep -c . /etc/shadow || echo no"], ["PATH=/usr/bin:/bin"], "/", user));

        result.ExitCode.ShouldBe(0);
        output.ShouldBe("1234\n2345\n2345 3456\nto-the-path\nno\n");
        OwnIdentity.IsRoot.ShouldBeTrue("only the thread that started it was somebody else");
    }

    [Fact]
    public async Task RunAsync_Cancelled_KillsAllItStarted()
    {
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var output = new Collected(_ => cancellation.Cancel());
        await using var sandbox = new InPlaceSandbox();
        // The second sleep holds the pipes as well: the call ends only when it is gone.
        var process = new ProcessSpec(["/bin/sh", "-c", "sleep 1000 & echo $!; sleep 1000"], ["PATH=/usr/bin:/bin"], "/", Own) { Output = output };

        await Should.ThrowAsync<OperationCanceledException>(sandbox.RunAsync(process, cancellation.Token));

        await ShouldDieAsync(output.Text(isError: false));
    }

    [Fact]
    public async Task RunAsync_WhatIsLeftRunning_IsKilled()
    {
        var (_, output, _) = await RunAsync(new ProcessSpec(["/bin/sh", "-c", "sleep 1000 & echo $!"], ["PATH=/usr/bin:/bin"], "/", Own));

        await ShouldDieAsync(output);
    }

    [Fact]
    public async Task RunAsync_OutputThatIsNotTaken_EndsIt()
    {
        var output = new Collected(_ => throw new IOException("disk full"));
        await using var sandbox = new InPlaceSandbox();

        (await Should.ThrowAsync<SandboxException>(sandbox.RunAsync(
            new ProcessSpec(["/bin/sh", "-c", "echo x; sleep 1000"], ["PATH=/usr/bin:/bin"], "/", Own) { Output = output }, Cancellation))).Message.ShouldContain("disk full");
    }

    [Fact]
    public async Task RunAsync_Volume_IsThereMeanwhile()
    {
        Assert.SkipUnless(OwnIdentity.IsRoot, "makes a link in the root");
        var directory = Directory.CreateTempSubdirectory("grid-volume-");
        try
        {
            File.WriteAllText(directory.FullName + "/f", "inside\n");
            var at = $"/tmp/grid-test-{Guid.NewGuid():N}/deeper";

            var (_, output, _) = await RunAsync(new ProcessSpec(["/bin/cat", at + "/f"], [], "/", Own) { ExtraVolumes = [new Volume(directory.FullName, at)] });

            output.ShouldBe("inside\n");
            Directory.Exists(Path.GetDirectoryName(at)).ShouldBeFalse();
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    // A killed process closes its pipes, which ends the run, a moment before the kernel calls it dead.
    private static async Task ShouldDieAsync(string output)
    {
        var pid = int.Parse(output, System.Globalization.CultureInfo.InvariantCulture);
        var waited = Stopwatch.StartNew();
        while (IsAlive(pid) && waited.Elapsed < TimeSpan.FromMinutes(1))
            await Task.Delay(10, Cancellation);

        IsAlive(pid).ShouldBeFalse();
    }

    // A zombie that nobody has reaped yet is dead.
    private static bool IsAlive(int pid)
    {
        try
        {
            var status = File.ReadAllText($"/proc/{pid}/stat");
            return status[status.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }

    private sealed class Collected(Action<string>? then = null) : IProcessOutput
    {
        private readonly StringBuilder _output = new(), _error = new();

        public string Text(bool isError) => (isError ? _error : _output).ToString();

        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
            var text = Encoding.UTF8.GetString(bytes);
            (isError ? _error : _output).Append(text);
            then?.Invoke(text);
        }
    }
}
