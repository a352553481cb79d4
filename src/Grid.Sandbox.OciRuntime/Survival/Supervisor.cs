using System.Globalization;
using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>
/// Starts a container under a shell that goes on when this process dies: it holds the reading ends of the pipes, so that nothing breaks and what is printed
/// waits in them; the network; and, by being in it, the mount namespace. When the container ends it writes down how.
/// </summary>
/// <remarks>
/// <code>
/// SANDBOX/claim                  the process that works with the sandbox: number and start time
/// SANDBOX/HANDLE-N/supervisor    the shell's line of /proc/PID/stat, written by itself before anything runs
///                 /exit          how the container ended, in decimal
///                 /out, /err     what was printed, as far as it was taken from the pipes (OutputSpool)
///                 /drain         a directory: nobody had claimed it when it ended, so the shell empties the pipes into the files
///                 /abandoned     nobody claimed it for too long; the shell killed it
/// </code>
/// </remarks>
internal static class Supervisor
{
    public const string MarkFile = "supervisor", ExitFile = "exit", DrainDirectory = "drain", AbandonedFile = "abandoned", ClaimFile = "claim";

    // 3 and 4 are the pipes' reading ends; the runtime gets none of what is kept. It runs in the foreground: a shell lets what it runs in the background ignore
    // signals, and containers would inherit that. In a subshell: for a plain command dash puts the descriptors aside in itself, where nobody finds them.
    private const string Script = """
        d=$1 n=$2 step=$3 id=$4 group=$5; shift 5
        claimed() {
          { read -r pid start <"$d/../claim" && read -r s <"/proc/$pid/stat"; } 2>/dev/null || return 1
          set -- ${s##*) }
          [ "${20}" = "$start" ] && [ "$1" != Z ] && [ "$1" != X ]
        }
        watch() {
          left=$n
          while [ "$left" -gt 0 ]; do
            sleep "$step"
            if claimed; then left=$n; else left=$((left - step)); fi
          done
          : >"$d/abandoned"
          "$1" "$2" "$3" delete --force "$id"
          for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
            while read -r p <"$h$group/$id/cgroup.procs"; do kill -9 "$p"; sleep 0.1; done
            rmdir "$h$group/$id" "$h$group"
          done
        }
        read -r s </proc/$$/stat && echo "$s" >"$d/supervisor" || exit 125
        watch "$@" 3<&- 4<&- 5<&- >/dev/null 2>&1 &
        w=$!
        (exec "$@") 3<&- 4<&- 5<&-
        r=$?
        [ -e "$d/abandoned" ] && wait $w || kill $w
        exec >/dev/null 2>&1
        echo $r >"$d/exit"
        claimed && exit $r
        mkdir "$d/drain"
        claimed || { cat <&3 >>"$d/out"; cat <&4 >>"$d/err"; }
        exit $r
        """;

    /// <summary>Starts a container.</summary>
    /// <param name="runtime">The runtime's command line; its first arguments are its path, <c>--root</c> and the directory.</param>
    /// <param name="environment">All it gets.</param>
    /// <param name="directory">The process's directory.</param>
    /// <param name="group">The sandbox's control group.</param>
    /// <param name="orphanTime">How long it goes on without an owner.</param>
    /// <param name="network">What must stay open for its network to live.</param>
    public static ChildProcess Start(
        IReadOnlyList<string> runtime, IReadOnlyList<string> environment, string directory, string group, TimeSpan orphanTime, SafeFileHandle? network)
    {
        var seconds = Math.Max(2, (int)Math.Ceiling(orphanTime.TotalSeconds));
        // One look costs a process; often enough to be about right.
        var step = Math.Clamp(seconds / 24, 1, 10);
        return ChildProcess.Start("/bin/sh",
            ["/bin/sh", "-c", Script, "grid-supervisor", directory, Text(seconds), Text(step), Path.GetFileName(directory), group, .. runtime],
            environment, workingDirectory: "/", (_, _) => { }, network is null ? [] : [network]);
    }

    /// <summary>The shell of a process's directory; null when it has not come so far, or its record cannot be read.</summary>
    public static ProcessMark? MarkOf(string directory) =>
        Read(Path.Combine(directory, MarkFile)) is { } stat ? ProcessMark.Parse(stat) : null;

    /// <summary>How the container of a process's directory ended; null when that is not written.</summary>
    public static int? ExitOf(string directory) =>
        Read(Path.Combine(directory, ExitFile)) is { } text && text.EndsWith('\n') && int.TryParse(text.AsSpan().TrimEnd('\n'), CultureInfo.InvariantCulture, out var code) ? code : null;

    /// <summary>Whether it was killed for want of an owner.</summary>
    public static bool IsAbandoned(string directory) => File.Exists(Path.Combine(directory, AbandonedFile));

    /// <summary>Makes this process the owner of a sandbox, as far as supervisors are concerned.</summary>
    public static void Claim(string sandbox)
    {
        var fresh = Path.Combine(sandbox, ClaimFile + ".new");
        File.WriteAllText(fresh, string.Create(CultureInfo.InvariantCulture, $"{ProcessMark.Own.Pid} {ProcessMark.Own.StartTime}\n"));
        File.Move(fresh, Path.Combine(sandbox, ClaimFile), overwrite: true);
    }

    /// <summary>Kills the shell, and the runtime with it; what is in the container is killed otherwise. Returns when it is gone.</summary>
    public static void Kill(string directory)
    {
        if (MarkOf(directory) is not { } mark || mark.TryOpen() is not { } process)
            return;
        using (process)
        {
            Libc.TryKill(-mark.Pid, 9);
            ChildProcess.Poll([process], timeoutMilliseconds: 5000);
        }
    }

    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
