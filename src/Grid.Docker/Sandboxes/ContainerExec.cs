using System.Globalization;
using System.Text;
using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Engines;

namespace Grid.Docker.Sandboxes;

/// <summary>One process executed in a running container.</summary>
/// <param name="engine">Executes it.</param>
/// <param name="container">Where; it runs.</param>
/// <param name="isAlone">Whether no other process has been executed in the container meanwhile, so that all in it may be killed.</param>
internal sealed class ContainerExec(Engine engine, EngineContainer container, Func<bool> isAlone) : IDisposable
{
    private const string StartFailure = "OCI runtime exec failed";
    /// <summary>More than a process can have written before its end that is not here yet: pipes, and what the engine and the connection hold.</summary>
    private const long MaxOnTheWay = 16 << 20;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5), PatienceWithPipes = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _outputFailed = new();
    private Exception? _outputFailure;

    /// <summary>Runs it to its end; when cancelled, until it has been killed. Answers the exit code.</summary>
    public async Task<int> RunAsync(ProcessSpec process, IReadOnlyList<string> environment, CancellationToken cancellationToken)
    {
        var created = await engine.TalkAsync("prepare a process", () =>
            engine.Client.Exec.CreateContainerExecAsync(container.Id, Parameters(process, environment), cancellationToken), cancellationToken);
        // From here on it may run, so the caller's wish to stop is met by killing.
        using var stream = await engine.TalkAsync("start a process", () =>
            engine.Client.Exec.StartContainerExecAsync(created.ID, new ContainerExecStartParameters(), CancellationToken.None), CancellationToken.None);
        using var stopReading = new CancellationTokenSource();
        var output = new ExecOutput(process.Output);
        var reading = ReadAsync(stream, output, stopReading.Token);
        var ended = await WaitAsync(created.ID, reading, cancellationToken);
        await DeliveredAsync(reading, output);
        await stopReading.CancelAsync();
        await reading;
        if (_outputFailure is not null)
            throw new SandboxException($"the process was killed because its output could not be taken: {_outputFailure.Message}", _outputFailure);
        cancellationToken.ThrowIfCancellationRequested();
        return ended.Pid == 0 && output.Held is { } complaint ? NotStarted(complaint, process) : Flush(output, (int)(ended.ExitCode ?? 0));
    }

    public void Dispose() => _outputFailed.Dispose();

    /// <summary>
    /// The engine tells nobody when an executed process ends, and its output may be held open by what it left behind. So its end is seen by a
    /// descriptor of the process itself, as soon as the engine says which it is.
    /// </summary>
    private async Task<ContainerExecInspectResponse> WaitAsync(string id, Task reading, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _outputFailed.Token);
        while (true)
        {
            var state = await engine.TalkAsync("read a process", () => engine.Client.Exec.InspectContainerExecAsync(id, CancellationToken.None), CancellationToken.None);
            var hasEnded = !state.Running && (state.ExitCode is not null || reading.IsCompleted);
            if (hasEnded)
            {
                if (isAlone())
                    ContainerProcesses.KillAll(container.Pid);
                return state;
            }
            if (cancellationToken.IsCancellationRequested || _outputFailure is not null)
                Kill(state);
            else if (state is { Running: true, Pid: > 0 } && await ContainerProcesses.WaitAsync((int)state.Pid, stop.Token))
                continue;
            await Task.Delay(Tick, TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>
    /// Waits until all output has come, or nothing comes any more: what the process wrote is on its way however long the receiver takes for what was before it, and what it left
    /// behind may go on writing for ever.
    /// </summary>
    private static async Task DeliveredAsync(Task reading, ExecOutput output)
    {
        var atTheEnd = output.Delivered;
        long before;
        do
        {
            before = output.Delivered;
            await Task.WhenAny(reading, Task.Delay(PatienceWithPipes, TimeProvider.System, CancellationToken.None));
        }
        while (!reading.IsCompleted && output.Delivered > before && output.Delivered - atTheEnd < MaxOnTheWay);
    }

    private void Kill(ContainerExecInspectResponse state)
    {
        if (isAlone())
            ContainerProcesses.KillAll(container.Pid);
        else if (state is { Running: true, Pid: > 0 })
            ContainerProcesses.KillTree((int)state.Pid, container.Pid);
    }

    private async Task ReadAsync(MultiplexedStream stream, ExecOutput output, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await stream.ReadOutputAsync(buffer, 0, buffer.Length, cancellationToken) is { EOF: false } read)
            {
                if (_outputFailure is null)
                    output.Write(buffer.AsSpan(0, read.Count), read.Target == MultiplexedStream.TargetStream.StandardError);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException or ObjectDisposedException && cancellationToken.IsCancellationRequested)
        {
            // What a process left behind keeps the stream open; it is not the process's output any more.
        }
#pragma warning disable CA1031 // Whatever the receiver throws must end the process, and is reported when it has ended.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _outputFailure = failure;
            await _outputFailed.CancelAsync();
            await DrainAsync(stream, buffer, cancellationToken);
        }
    }

    private static async Task DrainAsync(MultiplexedStream stream, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            while (await stream.ReadOutputAsync(buffer, 0, buffer.Length, cancellationToken) is { EOF: false })
            {
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The first failure is the one that is reported.
        }
    }

    private static int Flush(ExecOutput output, int exitCode)
    {
        output.Flush();
        return exitCode;
    }

    private int NotStarted(string complaint, ProcessSpec process)
    {
        if (RuntimeLog.ExitCodeOfExec(complaint) is not { } exitCode)
            throw new SandboxException($"{engine.Name} could not run {process.Arguments[0]}: {complaint.Trim()}");
        process.Output.Write(RuntimeLog.NotStarted(process.Arguments[0], exitCode), isError: true);
        return exitCode;
    }

    private static ContainerExecCreateParameters Parameters(ProcessSpec process, IReadOnlyList<string> environment) => new()
    {
        Cmd = [.. process.Arguments],
        User = string.Create(CultureInfo.InvariantCulture, $"{process.User.UserId}:{process.User.GroupId}"),
        WorkingDir = process.WorkingDirectory,
        // A name without a value removes what the engine would add.
        Env = [.. environment, .. new[] { "PATH", "HOSTNAME" }.Where(name => !environment.Any(e => e.StartsWith(name + "=", StringComparison.Ordinal)))],
        AttachStdout = true,
        AttachStderr = true,
    };

    /// <summary>Holds back what looks like the engine's complaint that the process could not be started, until it is known whether it is.</summary>
    private sealed class ExecOutput(IProcessOutput target)
    {
        private byte[]? _held;
        private bool _any;
        private long _delivered;

        public string? Held => _held is null ? null : Encoding.UTF8.GetString(_held);

        /// <summary>How many bytes have come so far.</summary>
        public long Delivered => Interlocked.Read(ref _delivered);

        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
            Interlocked.Add(ref _delivered, bytes.Length);
            if (!_any && !isError && bytes.StartsWith(Encoding.ASCII.GetBytes(StartFailure)))
            {
                (_any, _held) = (true, bytes.ToArray());
                return;
            }
            _any = true;
            Flush();
            target.Write(bytes, isError);
        }

        public void Flush()
        {
            if (_held is null)
                return;
            target.Write(_held, isError: false);
            _held = null;
        }
    }
}
