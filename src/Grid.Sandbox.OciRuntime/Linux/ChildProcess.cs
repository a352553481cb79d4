using System.Runtime.InteropServices;
using Grid.Sandbox.OciRuntime.Engines;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Linux;

/// <summary>
/// A child started with posix_spawn(3): <c>/dev/null</c> as input, two pipes for output, its own session, no inherited descriptors (all of ours
/// are close-on-exec), default signals and exactly the environment given. The base class library's Process cannot give the first four.
/// </summary>
internal sealed unsafe class ChildProcess : IContainerParent
{
    private const short SetSignalDefaults = 0x04, SetSignalMask = 0x08, SetSession = 0x80;
    private bool _reaped;

    private ChildProcess(int pid, SafeFileHandle output, SafeFileHandle error, SafeFileHandle exit)
    {
        Pid = pid;
        Output = output;
        Error = error;
        Exit = exit;
    }

    public int Pid { get; }

    /// <summary>The end of the pipe that standard output can be read from.</summary>
    public SafeFileHandle Output { get; }

    public SafeFileHandle Error { get; }

    /// <summary>Readable when the child has ended.</summary>
    public SafeFileHandle Exit { get; }

    /// <summary>Starts a program in our own working directory, as ourselves.</summary>
    public static ChildProcess Start(string executable, IReadOnlyList<string> arguments, IReadOnlyList<string> environment) =>
        Start(executable, [executable, .. arguments], environment, workingDirectory: null, (_, _) => { });

    /// <summary>Starts a program with any argv[0].</summary>
    /// <param name="executable">Path of the program.</param>
    /// <param name="argv">All arguments.</param>
    /// <param name="environment">All it gets.</param>
    /// <param name="workingDirectory">Where it starts; ours when null.</param>
    /// <param name="prepare">Called on this thread before, with the ends of the pipes that the program will write to.</param>
    /// <param name="kept">Descriptors it also has, from 5 on; and then the ends of the pipes that its output is read from, as 3 and 4. None of them when null.</param>
    public static ChildProcess Start(
        string executable, IReadOnlyList<string> argv, IReadOnlyList<string> environment, string? workingDirectory, Action<SafeFileHandle, SafeFileHandle> prepare,
        IReadOnlyList<SafeFileHandle>? kept = null)
    {
        var (outRead, outWrite) = Pipe();
        var (errRead, errWrite) = Pipe();
        using (outWrite)
        using (errWrite)
        {
            int pid;
            try
            {
                prepare(outWrite, errWrite);
                pid = Spawn(executable, argv, environment, workingDirectory, [outWrite, errWrite, .. kept is null ? [] : (SafeFileHandle[])[outRead, errRead, .. kept]]);
            }
            catch
            {
                outRead.Dispose();
                errRead.Dispose();
                throw;
            }
            var exit = Libc.TryOpenProcess(pid) ?? throw Libc.Failure("pidfd_open failed (Linux 5.3 or newer is needed)");
            return new ChildProcess(pid, outRead, errRead, exit);
        }
    }

    /// <summary>Waits for the end and answers the exit code, or 128 + signal.</summary>
    public int Wait()
    {
        int status = 0, result;
        do
            result = waitpid(Pid, &status, 0);
        while (result < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);
        if (result < 0)
            throw Libc.Failure($"cannot wait for process {Pid}");
        _reaped = true;
        return (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);
    }

    /// <summary>Kills the child and what it started and did not move to another session.</summary>
    public void Kill()
    {
        if (!_reaped)
            Libc.TryKill(-Pid, 9);
    }

    /// <summary>Waits until one of the handles can be read (or its writers are gone); bit n of the answer is handle n; 0 after the timeout.</summary>
    public static int Poll(ReadOnlySpan<SafeFileHandle?> handles, int timeoutMilliseconds)
    {
        var entries = stackalloc PollEntry[handles.Length];
        for (var i = 0; i < handles.Length; i++)
            entries[i] = new PollEntry { Fd = handles[i] is { } handle ? (int)Libc.Raw(handle) : -1, Events = 1, Returned = 0 };
        if (poll(entries, (nuint)handles.Length, timeoutMilliseconds) < 0 && Marshal.GetLastPInvokeError() != Errno.Interrupted)
            throw Libc.Failure("poll failed");
        var ready = 0;
        for (var i = 0; i < handles.Length; i++)
            ready |= entries[i].Returned != 0 ? 1 << i : 0;
        return ready;
    }

    public void Dispose()
    {
        if (!_reaped)
        {
            Kill();
            Wait();
        }
        Output.Dispose();
        Error.Dispose();
        Exit.Dispose();
    }

    private static int Spawn(
        string executable, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, string? workingDirectory, IReadOnlyList<SafeFileHandle> descriptors)
    {
        // Copies with high numbers, so that none of them has a number that another one is to get.
        var copies = descriptors.Select(Libc.DuplicateHigh).ToList();
        // posix_spawn_file_actions_t and posix_spawnattr_t are 80 and 336 bytes in glibc and musl on 64-bit machines.
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var signals = stackalloc byte[128];
        posix_spawn_file_actions_init(actions);
        posix_spawnattr_init(attributes);
        using var argv = new StringVector(arguments);
        using var envp = new StringVector(environment);
        try
        {
            posix_spawn_file_actions_addopen(actions, 0, Libc.Bytes("/dev/null"), 0, 0);
            for (var i = 0; i < copies.Count; i++)
                posix_spawn_file_actions_adddup2(actions, (int)Libc.Raw(copies[i]), i + 1);
            if (workingDirectory is not null)
                posix_spawn_file_actions_addchdir_np(actions, Libc.Bytes(workingDirectory));
            new Span<byte>(signals, 128).Clear();
            posix_spawnattr_setsigmask(attributes, signals);
            new Span<byte>(signals, 128).Fill(0xff);
            posix_spawnattr_setsigdefault(attributes, signals);
            posix_spawnattr_setflags(attributes, SetSession | SetSignalMask | SetSignalDefaults);
            int pid;
            var errno = posix_spawn(&pid, Libc.Bytes(executable), actions, attributes, argv.Pointers, envp.Pointers);
            return errno == 0 ? pid : throw Libc.Failure($"cannot start {executable}", errno);
        }
        finally
        {
            copies.ForEach(copy => copy.Dispose());
            posix_spawn_file_actions_destroy(actions);
            posix_spawnattr_destroy(attributes);
        }
    }

    public static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        var ends = stackalloc int[2];
        return pipe2(ends, 0x80000) == 0 ? (new SafeFileHandle(ends[0], true), new SafeFileHandle(ends[1], true)) : throw Libc.Failure("cannot make a pipe");
    }

    private struct PollEntry
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int pipe2(int* ends, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int poll(PollEntry* entries, nuint count, int timeout);

    [DllImport("libc", SetLastError = true)]
    private static extern int waitpid(int pid, int* status, int options);

    [DllImport("libc")]
    private static extern int posix_spawn(int* pid, byte[] path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_init(byte* actions);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_destroy(byte* actions);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_addopen(byte* actions, int fd, byte[] path, int flags, uint mode);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newFd);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_addchdir_np(byte* actions, byte[] path);

    [DllImport("libc")]
    private static extern int posix_spawnattr_init(byte* attributes);

    [DllImport("libc")]
    private static extern int posix_spawnattr_destroy(byte* attributes);

    [DllImport("libc")]
    private static extern int posix_spawnattr_setflags(byte* attributes, short flags);

    [DllImport("libc")]
    private static extern int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    [DllImport("libc")]
    private static extern int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);
}
