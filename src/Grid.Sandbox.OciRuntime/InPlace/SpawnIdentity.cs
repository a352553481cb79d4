using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>
/// Starts a process as another user. Linux keeps user and group for each thread; the C library hides that, the system calls do not. So a thread
/// that lives for this only becomes the user, starts the child, and ends; the rest of this process stays what it is.
/// </summary>
internal static unsafe class SpawnIdentity
{
    private const int NewNetwork = 0x40000000;
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64;

    public static ChildProcess Start(ProcessSpec spec, string program)
    {
        var own = OwnIdentity.User;
        var changes = (spec.User.UserId, spec.User.GroupId) != (own.UserId, own.GroupId) || spec.User.SupplementaryGroups.Count > 0;
        if (!changes && spec.Network)
            return Start(spec, program, (_, _) => { });
        if (own.UserId != 0)
            throw new SandboxException($"{spec.Arguments[0]}: only root can start a process as user {spec.User.UserId}:{spec.User.GroupId}; we are {own.UserId}:{own.GroupId}");

        ChildProcess? child = null;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                child = Start(spec, program, (output, error) => Become(spec, changes, output, error));
            }
#pragma warning disable CA1031 // It is thrown again where the caller waits.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return child!;
    }

    private static ChildProcess Start(ProcessSpec spec, string program, Action<SafeFileHandle, SafeFileHandle> prepare) =>
        ChildProcess.Start(program, spec.Arguments, spec.Environment, spec.WorkingDirectory, prepare);

    private static void Become(ProcessSpec spec, bool changes, SafeFileHandle output, SafeFileHandle error)
    {
        if (!spec.Network && unshare(NewNetwork) != 0)
            throw Libc.Failure("cannot take the network away (the container needs CAP_SYS_ADMIN for it)");
        if (!changes)
            return;
        var (user, group) = (spec.User.UserId, spec.User.GroupId);
        // A program that opens /dev/stdout opens these; they must be its own.
        if (fchown((int)Libc.Raw(output), user, group) != 0 || fchown((int)Libc.Raw(error), user, group) != 0)
            throw Libc.Failure("cannot give the pipes to the process");
        var groups = spec.User.SupplementaryGroups.ToArray();
        fixed (int* list = groups)
        {
            if (syscall(IsArm ? 159 : 116, groups.Length, (nint)list, 0) != 0)
                throw Libc.Failure($"cannot set the groups of user {user}");
        }
        if (syscall(IsArm ? 149 : 119, group, group, group) != 0 || syscall(IsArm ? 147 : 117, user, user, user) != 0)
            throw Libc.Failure($"cannot become user {user}:{group}");
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int fchown(int fd, int user, int group);

    [DllImport("libc", SetLastError = true)]
    private static extern int unshare(int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern long syscall(long number, nint a, nint b, nint c);
}
