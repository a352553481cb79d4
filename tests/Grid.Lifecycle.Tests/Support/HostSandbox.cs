using System.Diagnostics;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Support;

/// <summary>
/// A sandbox that is none: its processes run on the host as another user, its tree is the host's. It keeps tests of the phases free of any engine; it
/// isolates nothing, has no snapshot and so nothing to commit.
/// </summary>
internal sealed class HostSandbox : ISandbox
{
    private int _running;
    private int _mostRunning;

    public IFileTree Files { get; } = new RootedDirectory("/");

    /// <summary>The most processes that ran at once.</summary>
    public int MostRunning => _mostRunning;

    /// <summary>Each process that was run.</summary>
    public List<ProcessSpec> Runs { get; } = [];

    /// <summary>Skips the running test where processes cannot be given to another user.</summary>
    public static void SkipUnlessUsable() =>
        Assert.SkipUnless(System.Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"), "needs root and setpriv to run modules as another user");

    public async Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken)
    {
        lock (Runs)
        {
            Runs.Add(process);
            _mostRunning = Math.Max(_mostRunning, ++_running);
        }
        try
        {
            return await RunOnHostAsync(process, cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public Task<Layer?> CommitAsync(CancellationToken cancellationToken) => Task.FromResult<Layer?>(null);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task<ProcessResult> RunOnHostAsync(ProcessSpec spec, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("/usr/bin/setpriv")
        {
            UseShellExecute = false,
            WorkingDirectory = spec.WorkingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string[] arguments = [$"--reuid={spec.User.UserId}", $"--regid={spec.User.GroupId}", "--clear-groups", "--no-new-privs", "--", .. spec.Arguments];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var variable in spec.Environment)
            start.Environment[variable[..variable.IndexOf('=')]] = variable[(variable.IndexOf('=') + 1)..];

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var kill = cancellationToken.Register(() => process.Kill(entireProcessTree: true));
        var gate = new Lock();
        await Task.WhenAll(
            PumpAsync(process.StandardOutput.BaseStream, spec.Output, isError: false, gate),
            PumpAsync(process.StandardError.BaseStream, spec.Output, isError: true, gate),
            process.WaitForExitAsync(CancellationToken.None));
        cancellationToken.ThrowIfCancellationRequested();
        return new ProcessResult(process.ExitCode);
    }

    private static async Task PumpAsync(Stream from, IProcessOutput output, bool isError, Lock gate)
    {
        var buffer = new byte[4096];
        int count;
        while ((count = await from.ReadAsync(buffer)) > 0)
        {
            lock (gate)
                output.Write(buffer.AsSpan(0, count), isError);
        }
    }
}
