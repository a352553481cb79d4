using System.Diagnostics;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>The <c>grid</c> that was built with the tests, run by chroot in a directory, so that <c>/layers</c> and the rest are where they are in a build.</summary>
internal static class GridProgram
{
    // Binds what a .NET program needs; all of it goes with the mount namespace.
    private const string Script = """
        set -e
        mount --bind /usr "$1/usr"
        mkdir -p "$1/proc" "$1$2" "$1/dev"
        mount --rbind /proc "$1/proc"
        mount --bind "$2" "$1$2"
        for device in null zero urandom; do
            [ -e "$1/dev/$device" ] || : >"$1/dev/$device"
            mount --bind "/dev/$device" "$1/dev/$device"
        done
        if [ -n "$4" ]; then
            mkdir -p "$1$(dirname "$4")"
            : >"$1$4"
            mount --bind "$4" "$1$4"
        fi
        umask 022
        root=$1 program=$2 user=$3
        shift 4
        exec chroot --userspec="$user" --groups= "$root" env -i "$@"
        """;

    /// <summary>The socket of the Docker engine that DOCKER_HOST names; empty without one.</summary>
    public static string EngineSocket { get; } =
        Environment.GetEnvironmentVariable("DOCKER_HOST") is { } host && host.StartsWith("unix://", StringComparison.Ordinal) ? host["unix://".Length..] : "";

    private static string Directory
    {
        get
        {
            // artifacts/bin/<project>/<configuration>
            var own = new DirectoryInfo(AppContext.BaseDirectory);
            return Path.Combine(own.Parent!.Parent!.FullName, "Grid.Cli", own.Name);
        }
    }

    /// <summary>Runs <c>grid lifecycle PHASE …</c> to its end.</summary>
    /// <param name="root">The directory that is its root.</param>
    /// <param name="user">Numeric <c>uid:gid</c>.</param>
    /// <param name="environment">All its variables, <c>NAME=value</c>.</param>
    /// <param name="arguments">The phase and its flags.</param>
    public static async Task<(int ExitCode, string Output)> RunAsync(string root, string user, IEnumerable<string> environment, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("unshare") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])["-m", "--propagation", "private", "sh", "-c", Script, "sh", root, Directory, user, EngineSocket])
            start.ArgumentList.Add(argument);
        foreach (var variable in environment.Append("DOTNET_gcServer=0").Append("DOTNET_TieredPGO=0"))
            start.ArgumentList.Add(variable);
        foreach (var argument in arguments.Prepend("lifecycle").Prepend(Directory + "/grid"))
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }
}
