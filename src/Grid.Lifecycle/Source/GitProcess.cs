using System.Diagnostics;
using System.IO.Enumeration;
using System.Text;
using Grid.Buildpacks;

namespace Grid.Lifecycle.Source;

/// <summary>
/// Runs git on behalf of somebody who may mean harm: nothing of the node's settings, no hooks, filters, submodules, helpers or other protocols, no
/// questions, as a user without rights where we have any to give away, and within bounds of time and room.
/// </summary>
/// <param name="directory">A directory of its own. What git writes is measured here, and all of it is gone afterwards.</param>
/// <param name="limits">Bounds.</param>
internal sealed class GitProcess(string directory, GitLimits limits)
{
    /// <summary>Nobody: the user and group that own nothing.</summary>
    public const int Nobody = 65534;

    private const int MaxMessage = 4096;
    private const int MaxLines = 20;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private static readonly EnumerationOptions Everything = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None, IgnoreInaccessible = true };

    /// <summary>Settings besides those of a command itself; later ones win.</summary>
    private static readonly string[] Settings =
    [
        "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.fsmonitor=false", "submodule.recurse=false", "fetch.recurseSubmodules=false", "transfer.fsckObjects=true",
        "protocol.allow=never", "protocol.https.allow=always", "protocol.ssh.allow=always", "http.followRedirects=false", "http.lowSpeedLimit=1000", "http.lowSpeedTime=60",
        "advice.detachedHead=false", "gc.auto=0", "maintenance.auto=false", "init.defaultBranch=main",
    ];

    /// <summary>More settings, as <c>name=value</c>. They are seen in the list of processes: no secret goes here.</summary>
    public List<string> MoreSettings { get; } = [];

    /// <summary>More environment.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Runs a command to its end and gives what it printed.</summary>
    /// <exception cref="LifecycleException">It failed, took too long or too much room, or there is no git.</exception>
    public async Task<string> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(limits.Time);
        using var process = Start(arguments);
        try
        {
            var (output, errors) = (ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
            await WatchAsync(process, time.Token);
            return process.ExitCode == 0 ? (await output).Trim() : throw new LifecycleException(ExitCode.Failed, Message(await errors));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LifecycleException(ExitCode.Failed, $"git took longer than {limits.Time.TotalMinutes} minutes");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private Process Start(IReadOnlyList<string> arguments)
    {
        string[] command = System.Environment.IsPrivilegedProcess
            ? ["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--", "git"] : ["git"];
        var start = new ProcessStartInfo(command[0]) { UseShellExecute = false, WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in command.Skip(1).Concat(Settings.Concat(MoreSettings).SelectMany(setting => new[] { "-c", setting })).Concat(arguments))
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        try
        {
            var process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new LifecycleException(ExitCode.Failed, $"{command[0]} cannot be started on this node ({e.Message}); install git and util-linux there, or upload the source");
        }
    }

    /// <summary>Waits for the end, and looks meanwhile how much room it takes.</summary>
    private async Task WatchAsync(Process process, CancellationToken cancellationToken)
    {
        var end = process.WaitForExitAsync(cancellationToken);
        while (await Task.WhenAny(end, Task.Delay(Look, cancellationToken)) != end)
            Measure();
        await end;
        Measure();
    }

    private void Measure()
    {
        // A link in a repository may lead anywhere: it is a file without content, and not followed.
        var lengths = new FileSystemEnumerable<long>(directory, static (ref entry) => entry.IsDirectory || IsLink(ref entry) ? 0 : entry.Length, Everything)
        {
            ShouldRecursePredicate = static (ref entry) => !IsLink(ref entry),
        };
        var (bytes, files) = (0L, 0);
        foreach (var length in lengths)
        {
            bytes += length;
            if (bytes > limits.MaxBytes || ++files > limits.MaxFiles)
                throw new LifecycleException(ExitCode.Failed, $"the repository takes more than {limits.MaxBytes} bytes or {limits.MaxFiles} files; upload the source");
        }
    }

    private static bool IsLink(ref FileSystemEntry entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

    /// <summary>All of what is printed is read, so that nobody waits for us; the beginning is kept.</summary>
    private static async Task<string> ReadAsync(StreamReader reader)
    {
        var text = new StringBuilder();
        var buffer = new char[1024];
        while (await reader.ReadAsync(buffer) is > 0 and var read)
            text.Append(buffer, 0, Math.Min(read, MaxMessage - text.Length));
        return text.ToString();
    }

    private static string Message(string errors)
    {
        // The frame around ssh's warnings says nothing.
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(line => !line.StartsWith('@')).ToList();
        return lines.Count == 0 ? "git failed and said nothing" : "git: " + string.Join("; ", lines.Take(MaxLines));
    }
}

/// <summary>How much a repository may take.</summary>
public sealed record GitLimits
{
    /// <summary>Bytes of all files, the repository's own included.</summary>
    public long MaxBytes { get; init; } = 2L << 30;

    /// <summary>Number of files and directories.</summary>
    public int MaxFiles { get; init; } = 500_000;

    /// <summary>Time of one command.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(15);
}
