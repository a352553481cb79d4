using System.Diagnostics;
using System.Text;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>One process that is started directly, from start to the end of its session.</summary>
internal sealed class InPlaceProcess(ProcessSpec spec)
{
    private const int OutputHandle = 0, ErrorHandle = 1, ExitHandle = 2, WakeHandle = 3;
    /// <summary>More than a process can have written before its end that is not read yet: the kernel's bound of a pipe.</summary>
    private const long MaxInPipes = 2 << 20;
    private static readonly TimeSpan PatienceWithPipes = TimeSpan.FromSeconds(2);

    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly SafeFileHandle?[] _handles = new SafeFileHandle?[4];
    private Exception? _outputFailure;
    private long _readBehindEnd;

    /// <summary>Runs it to its end on this thread, which also passes its output on.</summary>
    public ProcessResult Run(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ChildProcess child;
        try
        {
            var program = ProgramSearch.Find(spec.Arguments[0], spec.Environment, spec.WorkingDirectory);
            child = SpawnIdentity.Start(spec, program);
        }
        catch (IOException failure)
        {
            var message = failure.Message;
            spec.Output.Write(Encoding.UTF8.GetBytes(message + "\n"), isError: true);
            return new ProcessResult(failure.HResult is Errno.NoEntry or Errno.NotDirectory ? 127 : 126) { StartFailure = message };
        }
        using (child)
        {
            var exitCode = Supervise(child, cancellationToken);
            if (_outputFailure is not null)
                throw new SandboxException($"the process was killed because its output could not be taken: {_outputFailure.Message}", _outputFailure);
            cancellationToken.ThrowIfCancellationRequested();
            return new ProcessResult(exitCode);
        }
    }

    private int Supervise(ChildProcess child, CancellationToken cancellationToken)
    {
        var (wakeRead, wakeWrite) = ChildProcess.Pipe();
        using (wakeRead)
        using (wakeWrite)
        {
            using var registration = cancellationToken.UnsafeRegister(static handle => ((SafeFileHandle)handle!).Dispose(), wakeWrite);
            _handles[OutputHandle] = child.Output;
            _handles[ErrorHandle] = child.Error;
            _handles[ExitHandle] = child.Exit;
            _handles[WakeHandle] = wakeRead;
            Stopwatch? ended = null;
            while (_handles[OutputHandle] is not null || _handles[ErrorHandle] is not null || ended is null)
            {
                var ready = ChildProcess.Poll(_handles, ended is null ? -1 : 100);
                Pass(child, ready, OutputHandle);
                Pass(child, ready, ErrorHandle);
                if ((ready & 1 << ExitHandle) != 0)
                {
                    // What it left running in its session holds the pipes and must not outlive it. It is not reaped yet, so the number still is its.
                    child.Kill();
                    ended = Stopwatch.StartNew();
                    _handles[ExitHandle] = null;
                }
                if ((ready & 1 << WakeHandle) != 0)
                {
                    child.Kill();
                    _handles[WakeHandle] = null;
                }
                // A daemon with a session of its own may keep the pipes as long as it likes. What the process wrote is taken however long the receiver takes for it.
                if (ended?.Elapsed > PatienceWithPipes && ((ready & (1 << OutputHandle | 1 << ErrorHandle)) == 0 || _readBehindEnd > MaxInPipes))
                    break;
            }
            return child.Wait();
        }
    }

    private void Pass(ChildProcess child, int ready, int index)
    {
        if ((ready & 1 << index) == 0)
            return;
        var read = Libc.TryRead(_handles[index]!, _buffer);
        if (read <= 0)
        {
            _handles[index] = null;
            return;
        }
        if (_handles[ExitHandle] is null)
            _readBehindEnd += read;
        try
        {
            if (_outputFailure is null)
                spec.Output.Write(_buffer.AsSpan(0, read), isError: index == ErrorHandle);
        }
#pragma warning disable CA1031 // Whatever the receiver throws must end the process, and is reported when it has ended.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _outputFailure = failure;
            child.Kill();
        }
    }
}
