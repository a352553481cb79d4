using System.Runtime.InteropServices;

namespace Grid.Launcher;

internal static unsafe partial class Posix
{
    [DllImport("libc", SetLastError = true)]
    private static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern nint read(int file, byte* buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    private static extern nint write(int file, byte* buffer, nint count);

    [DllImport("libc")]
    private static extern int close(int file);

    [DllImport("libc", SetLastError = true)]
    private static extern nint opendir(byte[] path);

    [DllImport("libc")]
    private static extern byte* readdir(nint directory);

    [DllImport("libc")]
    private static extern int closedir(nint directory);

    [DllImport("libc")]
    private static extern nint readlink(byte[] path, byte* buffer, nint size);

    [DllImport("libc")]
    private static extern int access(byte[] path, int mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int chdir(byte[] path);

    [DllImport("libc", SetLastError = true)]
    private static extern byte* getcwd(byte* buffer, nint size);

    [DllImport("libc")]
    private static extern uint umask(uint mask);

    [DllImport("libc")]
    private static extern nint signal(int number, nint handler);

    [DllImport("libc", SetLastError = true)]
    private static extern int pipe2(int* ends, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int execve(byte[] path, byte** arguments, byte** environment);

    [DllImport("libc")]
    private static extern int posix_spawn(int* child, byte[] path, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_init(byte* actions);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_adddup2(byte* actions, int from, int to);

    [DllImport("libc")]
    private static extern int posix_spawn_file_actions_destroy(byte* actions);

    [DllImport("libc", SetLastError = true)]
    private static extern int waitpid(int child, int* status, int options);

    [DllImport("libc")]
    private static extern byte* strerror(int error);
}
