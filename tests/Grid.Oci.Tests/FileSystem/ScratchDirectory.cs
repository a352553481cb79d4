using System.Diagnostics;
using Grid.Oci.FileSystem;

namespace Grid.Oci.Tests.FileSystem;

/// <summary>A directory of the host that goes away with the test.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    internal ScratchDirectory() => Path = Directory.CreateTempSubdirectory("grid-oci-").FullName;

    internal string Path { get; }

    internal RootedDirectory Tree => new(Path);

    public void Dispose() => new RootedDirectory(System.IO.Path.GetDirectoryName(Path)!).Delete(System.IO.Path.GetFileName(Path));

    internal string Sub(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;

    /// <summary>Runs a shell script in the directory and returns what it prints; a failure fails the test.</summary>
    internal string Run(string script)
    {
        var start = new ProcessStartInfo("/bin/bash", ["-euc", script])
        {
            WorkingDirectory = Path,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["LC_ALL"] = "C" },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, errors.GetAwaiter().GetResult());
        return output;
    }

    internal static void NeedsRoot()
    {
        if (Environment.UserName != "root")
            Assert.Skip("needs root: owners and device nodes");
    }

    internal static void NeedsTool(string name)
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(System.IO.Path.Combine(d, name))))
            Assert.Skip($"needs {name} on the PATH");
    }
}
