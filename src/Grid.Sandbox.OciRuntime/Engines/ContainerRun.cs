using System.Diagnostics;
using System.Globalization;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Survival;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>
/// One process in one container, from start to the removal of what is left. One thread does it all: it passes output on, notices the end
/// and kills; so output is delivered by one thread at a time, and nothing is lost when the process ends.
/// </summary>
/// <param name="engine">Who starts it.</param>
/// <param name="group">The sandbox's control group; the container's is below it and has its id as name.</param>
/// <param name="id">Unique on the node.</param>
/// <param name="directory">Takes the log and the process id.</param>
/// <param name="bundleDirectory">Takes the bundle.</param>
/// <param name="minFreeBytes">The process is killed when less is free on the file system of <paramref name="directory"/>, where its root is too.</param>
/// <param name="survival">Set when the container shall outlive this process.</param>
internal sealed class ContainerRun(RuntimeEngine engine, ControlGroup group, string id, string directory, string bundleDirectory, long minFreeBytes, ContainerSurvival? survival = null)
{
    private const int OutputHandle = 0, ErrorHandle = 1, ExitHandle = 2, WakeHandle = 3;
    private const int DiskInterval = 250;
    /// <summary>More than a process can have written before its end that is not read yet: the kernel's bound of a pipe.</summary>
    private const long MaxInPipes = 2 << 20;
    private static readonly TimeSpan PatienceWithRuntime = TimeSpan.FromMilliseconds(300), PatienceWithPipes = TimeSpan.FromSeconds(2);

    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly SafeFileHandle?[] _handles = new SafeFileHandle?[4];
    private Exception? _outputFailure;
    private long _readBehindEnd;
    private readonly Stopwatch _sinceDiskCheck = Stopwatch.StartNew();
    private Stopwatch? _killing;
    private bool _diskFull;

    private string LogFile => Path.Combine(directory, "log.json");

    private string PidFile => Path.Combine(directory, "pid");

    /// <summary>Runs it to its end on a thread of its own.</summary>
    public Task<ProcessResult> ExecuteAsync(Bundle bundle, ProcessSpec process, CancellationToken cancellationToken) => OnItsThreadAsync(() => Execute(bundle, process, cancellationToken));

    /// <summary>Goes on with a container that an earlier process of the node started; its whole output is given again. On a thread of its own.</summary>
    /// <param name="parent">What stands for it; null when that has ended.</param>
    /// <param name="process">What was run.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <exception cref="SandboxAbandonedException">There is no result that counts.</exception>
    public Task<ProcessResult> AttachAsync(IContainerParent? parent, ProcessSpec process, CancellationToken cancellationToken) => OnItsThreadAsync(() =>
    {
        using (parent)
            return Follow(() => parent is null ? Replay(process.Output) : Supervise(parent, process.Output, cancellationToken), process, cancellationToken);
    });

    /// <summary>Runs it to its end on this thread.</summary>
    public ProcessResult Execute(Bundle bundle, ProcessSpec process, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bundle.Save(bundleDirectory);
        return Follow(() =>
        {
            using var child = survival is null ? engine.Run(id, bundleDirectory, PidFile, LogFile) : survival.Start(engine.CommandLine(id, bundleDirectory, PidFile, LogFile));
            return Supervise(child, process.Output, cancellationToken);
        }, process, cancellationToken);
    }

    private static Task<ProcessResult> OnItsThreadAsync(Func<ProcessResult> run) =>
        Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private ProcessResult Follow(Func<int> toItsEnd, ProcessSpec process, CancellationToken cancellationToken)
    {
        var killsBefore = group.OutOfMemoryKills();
        int exitCode;
        try
        {
            exitCode = toItsEnd();
        }
        catch (SandboxAbandonedException) when (_killing is not null)
        {
            // It was killed with its supervisor; below it is said what for.
            exitCode = 128 + 9;
        }
        finally
        {
            CleanUp();
        }
        if (_outputFailure is not null)
            throw new SandboxException($"the process was killed because its output could not be taken: {_outputFailure.Message}", _outputFailure);
        cancellationToken.ThrowIfCancellationRequested();
        if (_diskFull)
            throw new SandboxException($"the process was killed because less than {minFreeBytes >> 20} MiB are free on the node's disk (the file system of {directory})");
        var outOfMemory = group.TakeOutOfMemory() | group.OutOfMemoryKills() > killsBefore;
        return exitCode != 0 && RuntimeLog.LastError(LogFile) is { } error && !outOfMemory
            ? NotStarted(error, process)
            : new ProcessResult(exitCode, outOfMemory && exitCode != 0);
    }

    /// <summary>Gives the output of a container that has ended.</summary>
    private int Replay(IProcessOutput output)
    {
        survival!.Spool.Replay(output);
        return AttachedSupervisor.EndOf(directory);
    }

    private int Supervise(IContainerParent child, IProcessOutput output, CancellationToken cancellationToken)
    {
        survival?.Spool.Replay(output);
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
                var ready = ChildProcess.Poll(_handles, _killing is not null ? 10 : ended is not null ? 100 : minFreeBytes > 0 ? DiskInterval : -1);
                CheckDisk();
                Pass(output, ready, OutputHandle);
                Pass(output, ready, ErrorHandle);
                if ((ready & 1 << ExitHandle) != 0)
                {
                    ended = Stopwatch.StartNew();
                    _handles[ExitHandle] = null;
                }
                if ((ready & 1 << WakeHandle) != 0)
                {
                    _killing ??= Stopwatch.StartNew();
                    _handles[WakeHandle] = null;
                }
                if (_killing is not null && ended is null)
                    Kill(child);
                // Its process-id namespace died with the process, so nobody can hold the pipes; a runtime that works otherwise must not hang us. What it wrote
                // is taken however long the receiver takes for it.
                if (ended?.Elapsed > PatienceWithPipes && ((ready & (1 << OutputHandle | 1 << ErrorHandle)) == 0 || _readBehindEnd > MaxInPipes))
                    break;
            }
            return child.Wait();
        }
    }

    private void CheckDisk()
    {
        if (minFreeBytes <= 0 || _killing is not null || _sinceDiskCheck.ElapsedMilliseconds < DiskInterval)
            return;
        _sinceDiskCheck.Restart();
        if (new DriveInfo(directory).AvailableFreeSpace >= minFreeBytes)
            return;
        _diskFull = true;
        _killing = Stopwatch.StartNew();
    }

    private void Pass(IProcessOutput output, int ready, int index)
    {
        if ((ready & 1 << index) == 0)
            return;
        var read = survival is null ? Libc.TryRead(_handles[index]!, _buffer) : survival.Spool.Take(index, _handles[index]!, _buffer);
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
                output.Write(_buffer.AsSpan(0, read), isError: index == ErrorHandle);
        }
#pragma warning disable CA1031 // Whatever the receiver throws must end the process, and is reported when it has ended.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _outputFailure = failure;
            _killing ??= Stopwatch.StartNew();
        }
    }

    /// <summary>Killing the first process of the container makes the kernel kill all others in its namespace; the runtime then cleans up.</summary>
    private void Kill(IContainerParent child)
    {
        var started = ReadPid(child.Pid) is { } pid && Libc.TryKill(pid, 9) == 0;
        if (started && _killing!.Elapsed < PatienceWithRuntime)
            return;
        // It has not come so far that there is a container, or the runtime hangs.
        child.Kill();
        group.Kill(id);
    }

    /// <summary>
    /// The container's first process, which is a child of the runtime (and that of its supervisor) as long as that lives: its number cannot be somebody else's.
    /// </summary>
    private int? ReadPid(int parent)
    {
        try
        {
            var pid = int.Parse(File.ReadAllText(PidFile).Trim(), CultureInfo.InvariantCulture);
            return (survival is null ? ParentOf(pid) : ParentOf(ParentOf(pid))) == parent ? pid : null;
        }
        catch (Exception notThere) when (notThere is IOException or FormatException)
        {
            return null;
        }
    }

    private static int ParentOf(int pid)
    {
        var status = File.ReadAllText($"/proc/{pid}/stat");
        return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ', 3)[1], CultureInfo.InvariantCulture);
    }

    private void CleanUp()
    {
        engine.Delete(id);
        var patience = Stopwatch.StartNew();
        while (group.Kill(id) && patience.Elapsed < TimeSpan.FromSeconds(5))
            Thread.Yield();
    }

    private ProcessResult NotStarted(string error, ProcessSpec process)
    {
        if (RuntimeLog.ExitCodeOfExec(error) is not { } exitCode)
            throw new SandboxException($"{engine.Name} could not run {process.Arguments[0]}: {error}");
        process.Output.Write(RuntimeLog.NotStarted(process.Arguments[0], exitCode), isError: true);
        return new ProcessResult(exitCode);
    }
}
