using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Mounts;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>Mounts of another process's namespace, brought into ours: the same file systems, at the same place.</summary>
internal static class MountsElsewhere
{
    /// <summary>Whether something is mounted at a directory in our own namespace.</summary>
    public static bool IsMountedHere(string directory) => MountTable.Below(directory).Contains(directory);

    /// <summary>Mounts here what is mounted at a directory, and below it, where another process sees it.</summary>
    /// <exception cref="IOException">The process has ended, or there is no mount.</exception>
    public static void Bring(int pid, string directory)
    {
        using var ns = Libc.OpenRead($"/proc/{pid}/ns/mnt");
        SafeFileHandle? mount = null;
        IOException? failure = null;
        // A thread of its own: it stays in the other namespace, and must not go back to others' work.
        var thread = new Thread(() =>
        {
            try
            {
                Libc.EnterMountNamespace(ns);
                if (IsMountedThere(directory))
                    mount = Libc.CloneMount(directory, recursive: true);
            }
            catch (IOException refused)
            {
                failure = refused;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw failure;
        using (mount ?? throw new IOException($"nothing is mounted at {directory} where process {pid} is"))
            Binds.Attach(mount, directory);
    }

    /// <summary>By the thread's own table: that of the process is another one now.</summary>
    private static bool IsMountedThere(string directory) =>
        File.ReadLines("/proc/thread-self/mountinfo").Any(line => line.Split(' ', 6)[4] == directory);
}
