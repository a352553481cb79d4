using System.Diagnostics;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Build;

/// <summary>
/// A sandbox for tests of phases: a directory with the machine's own /usr in it, entered by chroot in a mount namespace of its own. Not isolated enough for
/// strangers, but everything is at the paths of a real build. Needs root.
/// </summary>
internal sealed class ChrootSandbox : ISandbox
{
    private readonly RootedDirectory _files;

    public ChrootSandbox(string root)
    {
        Root = root;
        foreach (var directory in (string[])["usr", "dev", "tmp", "etc"])
            Directory.CreateDirectory(Path.Combine(root, directory));
        foreach (var link in (string[])["bin", "lib", "lib64", "sbin"])
            File.CreateSymbolicLink(Path.Combine(root, link), "usr/" + link);
        new RootedDirectory(Path.GetDirectoryName(root)!).SetMode("/" + Path.GetFileName(root), 0x1ED);
        _files = new RootedDirectory(root);
        _files.SetMode("/tmp", 0x1FF);
        _files.WriteFile("/dev/null", default, 0x1B6);
        _files.WriteFile("/etc/passwd", "root:x:0:0::/root:/bin/sh\ncnb:x:1001:1001::/home/cnb:/bin/bash\n"u8, 0x1A4);
    }

    public string Root { get; }

    public IFileTree Files => _files;

    public static void SkipUnlessPossible()
    {
        if (Environment.UserName != "root" || !File.Exists("/usr/bin/unshare") || !Directory.Exists("/usr/lib64"))
            Assert.Skip("running buildpacks in a chroot needs root, unshare and a merged /usr");
    }

    public async Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken)
    {
        const string script = "mount --bind /usr \"$0/usr\" && mount --bind /dev/null \"$0/dev/null\" && umask 022 && exec chroot \"$@\" 2>&1";
        var start = new ProcessStartInfo("unshare") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])
            ["-m", "sh", "-c", script, Root, $"--userspec={process.User.UserId}:{process.User.GroupId}", "--groups=", Root, "env", "-i", "-C", process.WorkingDirectory])
        {
            start.ArgumentList.Add(argument);
        }
        foreach (var argument in process.Environment.Concat(process.Arguments))
            start.ArgumentList.Add(argument);
        using var running = Process.Start(start)!;
        running.StandardInput.Close();
        // One after the other is enough for tests: no test buildpack fills a pipe.
        var output = running.StandardOutput.BaseStream;
        await PumpAsync(output, process.Output, isError: false, cancellationToken);
        await PumpAsync(running.StandardError.BaseStream, process.Output, isError: true, cancellationToken);
        await running.WaitForExitAsync(cancellationToken);
        return new ProcessResult(running.ExitCode);
    }

    public Task<Layer?> CommitAsync(CancellationToken cancellationToken) => throw new NotSupportedException("tests of phases do not commit");

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Root, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task PumpAsync(Stream from, IProcessOutput to, bool isError, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        while (await from.ReadAsync(buffer, cancellationToken) is var count and > 0)
            to.Write(buffer.AsSpan(0, count), isError);
    }
}
