using System.ComponentModel;
using System.Diagnostics;

namespace Grid.Oci.Tests.Images;

/// <summary>Independent tools that tests compare with; a test that needs a missing one is skipped.</summary>
internal static class ExternalTool
{
    public static void Require(params string[] names)
    {
        foreach (var name in names)
        {
            if (Find(name) is null)
                Assert.Skip($"{name} is not installed");
        }
    }

    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(part => Path.Combine(part, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs to the end and gives standard output; any exit code but 0 fails the test.</summary>
    public static async Task<string> RunAsync(string name, params string[] arguments)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(Find(name) ?? throw new Win32Exception($"{name} is missing"), arguments)
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        process.Start();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        process.ExitCode.ShouldBe(0, $"{name} {string.Join(' ', arguments)}: {await errors}");
        return output;
    }
}
