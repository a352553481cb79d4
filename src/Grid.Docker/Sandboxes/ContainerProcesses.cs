using System.Globalization;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Docker.Sandboxes;

/// <summary>Processes of a container, seen from the machine: those in the process-id namespace of its first process.</summary>
internal static class ContainerProcesses
{
    /// <summary>Kills all but the first.</summary>
    public static void KillAll(int first)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (Members(first).Where(pid => pid != first).ToList() is { Count: > 0 } members && patience.Elapsed < TimeSpan.FromSeconds(10))
        {
            foreach (var pid in members)
                Libc.TryKill(pid, 9);
            Thread.Yield();
        }
    }

    /// <summary>Kills a process and what descends from it, when it is one of the container's.</summary>
    public static void KillTree(int root, int first)
    {
        var children = Members(first).ToLookup(ParentOf);
        var pending = new Stack<int>([root]);
        while (pending.TryPop(out var pid))
        {
            foreach (var child in children[pid])
                pending.Push(child);
            if (NamespaceOf(pid) == NamespaceOf(first))
                Libc.TryKill(pid, 9);
        }
    }

    /// <summary>Waits until the process ends (true) or the token is cancelled.</summary>
    public static async Task<bool> WaitAsync(int pid, CancellationToken cancellationToken)
    {
        var process = Libc.TryOpenProcess(pid);
        if (process is null)
            return false;
        var (wake, waker) = ChildProcess.Pipe();
        using (waker)
        using (cancellationToken.UnsafeRegister(static handle => ((SafeFileHandle)handle!).Dispose(), waker))
        {
            return await Task.Factory.StartNew(() =>
            {
                using (process)
                using (wake)
                    return (ChildProcess.Poll([process, wake], -1) & 1) != 0;
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    private static IEnumerable<int> Members(int first)
    {
        var own = NamespaceOf(first);
        if (own is null)
            yield break;
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && NamespaceOf(pid) == own && !IsZombie(pid))
                yield return pid;
        }
    }

    private static string? NamespaceOf(int pid)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/ns/pid").LinkTarget;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsZombie(int pid) => StatusOf(pid) is ['Z' or 'X', ..];

    private static int ParentOf(int pid) =>
        StatusOf(pid) is { } status && int.TryParse(status.Split(' ', 3)[1], NumberStyles.None, CultureInfo.InvariantCulture, out var parent) ? parent : 0;

    /// <summary>The fields of its stat file after the name: state, parent …</summary>
    private static string? StatusOf(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..];
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
