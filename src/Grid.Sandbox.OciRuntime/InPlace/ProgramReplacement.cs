using System.Runtime.InteropServices;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>Becomes another program: same process, same environment.</summary>
public static unsafe class ProgramReplacement
{
    /// <summary>Replaces this process; comes back only by an exception.</summary>
    /// <param name="program">Path of the program.</param>
    /// <param name="arguments">All arguments, argv[0] first.</param>
    /// <exception cref="IOException">The program cannot be executed.</exception>
    public static void Execute(string program, IReadOnlyList<string> arguments)
    {
        using var argv = new StringVector(arguments);
        execv(Libc.Bytes(program), argv.Pointers);
        throw Libc.Failure($"cannot execute {program}");
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int execv(byte[] path, byte** argv);
}
