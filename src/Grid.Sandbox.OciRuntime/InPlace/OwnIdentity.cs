using System.Runtime.InteropServices;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>Who this process is.</summary>
public static class OwnIdentity
{
    /// <summary>Effective user and group.</summary>
    public static ProcessUser User => new((int)geteuid(), (int)getegid());

    /// <summary>Whether this process may do everything.</summary>
    public static bool IsRoot => geteuid() == 0;

    [DllImport("libc")]
    private static extern uint geteuid();

    [DllImport("libc")]
    private static extern uint getegid();
}
