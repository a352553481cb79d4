using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>A supervisor that an earlier process of the node started.</summary>
internal sealed class AttachedSupervisor : IContainerParent
{
    private readonly string _directory;
    private readonly ProcessMark _mark;

    private AttachedSupervisor(string directory, ProcessMark mark, SafeFileHandle output, SafeFileHandle error, SafeFileHandle exit)
    {
        (_directory, _mark) = (directory, mark);
        (Output, Error, Exit) = (output, error, exit);
    }

    public int Pid => _mark.Pid;

    public SafeFileHandle Output { get; }

    public SafeFileHandle Error { get; }

    public SafeFileHandle Exit { get; }

    public bool HasEnded => ChildProcess.Poll([Exit], timeoutMilliseconds: 0) != 0;

    /// <summary>Attaches to the supervisor of a process's directory; null when it has ended. The sandbox has to be claimed afterwards, then <see cref="LetDrain"/>.</summary>
    public static AttachedSupervisor? TryAttach(string directory)
    {
        if (Supervisor.MarkOf(directory) is not { } mark || mark.TryOpen() is not { } exit)
            return null;
        SafeFileHandle? output = null;
        try
        {
            output = Libc.OpenRead($"/proc/{mark.Pid}/fd/3");
            return new AttachedSupervisor(directory, mark, output, Libc.OpenRead($"/proc/{mark.Pid}/fd/4"), exit);
        }
        catch (IOException)
        {
            // It ended meanwhile.
            output?.Dispose();
            exit.Dispose();
            return null;
        }
    }

    /// <summary>A supervisor that found nobody when its container ended empties the pipes itself: two must not do that at once.</summary>
    public void LetDrain()
    {
        if (Directory.Exists(Path.Combine(_directory, Supervisor.DrainDirectory)))
            ChildProcess.Poll([Exit], timeoutMilliseconds: 10_000);
    }

    /// <inheritdoc/>
    /// <exception cref="SandboxAbandonedException">It ended without a result that counts.</exception>
    public int Wait()
    {
        ChildProcess.Poll([Exit], timeoutMilliseconds: -1);
        return EndOf(_directory);
    }

    /// <summary>How the container of a directory whose supervisor has ended did.</summary>
    /// <exception cref="SandboxAbandonedException">There is no result, or none that counts.</exception>
    public static int EndOf(string directory)
    {
        if (Supervisor.IsAbandoned(directory))
            throw new SandboxAbandonedException($"the sandbox of {Path.GetFileName(directory)} was ended because nobody had claimed it for too long");
        return Supervisor.ExitOf(directory) ?? throw new SandboxAbandonedException($"how {Path.GetFileName(directory)} ended is not known: its supervisor was killed");
    }

    public void Kill() => Libc.TryKill(-_mark.Pid, 9);

    public void Dispose()
    {
        Output.Dispose();
        Error.Dispose();
        Exit.Dispose();
    }
}
