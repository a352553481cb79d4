using System.Diagnostics;
using System.Text;

namespace Grid.Launcher.Tests;

/// <summary>The directories of an app image laid out on disk, and the launcher started in them as a container would.</summary>
internal sealed class AppImage : IDisposable
{
    private readonly PublishedLauncher _launcher;

    public AppImage(PublishedLauncher launcher, string metadata)
    {
        _launcher = launcher;
        Root = Directory.CreateTempSubdirectory("grid-launcher-").FullName;
        Directory.CreateDirectory(App);
        Directory.CreateDirectory(Root + "/process");
        Write("layers/config/metadata.toml", metadata);
    }

    public string Root { get; }

    public string App => Root + "/app";

    public string Layers => Root + "/layers";

    /// <summary>The container's environment; a null value removes a variable.</summary>
    public Dictionary<string, string?> Environment { get; } = new() { ["PATH"] = "/cnb/process:/cnb/lifecycle:/usr/bin:/bin", ["CNB_PLATFORM_API"] = "0.13" };

    public AppImage Write(string path, string content, bool executable = false)
    {
        var file = Path.Combine(Root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        if (executable)
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return this;
    }

    /// <summary>Starts the image with the link of a process type, or by its own name.</summary>
    public LaunchOutcome Start(string invokedAs, params string[] args)
    {
        var link = Path.Combine(Root, "process", invokedAs);
        if (!File.Exists(link))
            File.CreateSymbolicLink(link, _launcher.Path);
        var start = new ProcessStartInfo(link)
        {
            WorkingDirectory = "/",
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
        };
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        start.Environment.Clear();
        start.Environment["CNB_LAYERS_DIR"] = Layers;
        start.Environment["CNB_APP_DIR"] = App;
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new LaunchOutcome(process.ExitCode, output, errors.Result);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

internal sealed record LaunchOutcome(int ExitCode, string Output, string Errors)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
