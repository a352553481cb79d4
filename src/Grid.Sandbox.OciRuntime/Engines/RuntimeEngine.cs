using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>An OCI runtime that was seen working on this node.</summary>
/// <param name="Executable">Its path.</param>
/// <param name="Name">Name and version.</param>
/// <param name="Root">Where it keeps the state of our containers, apart from everybody else's.</param>
internal sealed record RuntimeEngine(string Executable, string Name, string Root)
{
    private static readonly string[] SearchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <summary>The runtime's own environment; nothing of ours may reach it.</summary>
    public static readonly IReadOnlyList<string> Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

    /// <summary>Finds a runtime that really starts a container; otherwise says of each why not.</summary>
    public static RuntimeEngine Find(OciRuntimeOptions options, StateDirectory state)
    {
        MountNamespace.HideHybridCgroup2();
        var failures = new List<string>();
        foreach (var candidate in options.Runtime is null ? (string[])["crun", "runc"] : [options.Runtime])
        {
            try
            {
                return Probe(candidate, options, state);
            }
            catch (Exception failure) when (failure is SandboxException or IOException or UnauthorizedAccessException)
            {
                failures.Add($"{candidate}: {failure.Message}");
            }
        }
        var tried = options.Runtime is null ? "neither crun nor runc works" : $"the runtime '{options.Runtime}' does not work";
        throw new SandboxException($"{tried} ({string.Join("; ", failures)}); install crun or runc");
    }

    /// <summary>The same with its state elsewhere.</summary>
    public RuntimeEngine In(string directory) => this with { Root = Directory.CreateDirectory(Path.Combine(directory, "runtime")).FullName };

    /// <summary>Starts <c>RUNTIME --root … run …</c> in the foreground.</summary>
    public ChildProcess Run(string id, string bundle, string pidFile, string logFile) =>
        ChildProcess.Start(Executable, [.. CommandLine(id, bundle, pidFile, logFile).Skip(1)], Environment);

    /// <summary>The same with the executable in front, for whoever starts it.</summary>
    public IReadOnlyList<string> CommandLine(string id, string bundle, string pidFile, string logFile) =>
        [Executable, "--root", Root, "--log", logFile, "--log-format", "json", "run", "--bundle", bundle, "--pid-file", pidFile, id];

    /// <summary>Whether the runtime still knows a container.</summary>
    public bool Knows(string id) => Directory.Exists(Path.Combine(Root, id));

    /// <summary>Kills a container and forgets it; one that is not known is no error.</summary>
    public void Delete(string id)
    {
        if (!Knows(id))
            return;
        Execute(["--root", Root, "delete", "--force", id]);
        // A start that was killed half-way leaves a directory without a state in it.
        Remove(Root, id);
    }

    /// <summary>Kills and forgets the containers of a sandbox, with the runtime whose state directory this is.</summary>
    public static void Recover(string root, string handle)
    {
        foreach (var id in ContainersOf(root, handle))
        {
            if (Locate(Path.GetFileName(root)) is { } executable)
                new RuntimeEngine(executable, executable, root).Delete(id);
        }
    }

    /// <summary>Forgets containers whose processes are gone, for a runtime that is no longer installed.</summary>
    public static void Forget(string root, string handle)
    {
        foreach (var id in ContainersOf(root, handle))
            Remove(root, id);
    }

    /// <summary>Removes the state of a container that is dead. The runtime that ran it for a process that was killed may be doing the same at this moment.</summary>
    private static void Remove(string root, string id)
    {
        var directory = Path.Combine(root, id);
        while (Directory.Exists(directory))
        {
            try
            {
                Directory.Delete(directory, recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
            }
        }
    }

    /// <summary>"a-1" is of the sandbox "a"; "a-b-1" is not.</summary>
    private static List<string> ContainersOf(string root, string handle) =>
        [.. Directory.GetDirectories(root, handle + "-*").Select(Path.GetFileName).OfType<string>().Where(id => !id.AsSpan(handle.Length + 1).ContainsAnyExceptInRange('0', '9'))];

    private static RuntimeEngine Probe(string candidate, OciRuntimeOptions options, StateDirectory state)
    {
        var executable = Locate(candidate) ?? throw new SandboxException("not installed");
        var engine = new RuntimeEngine(executable, executable, Path.Combine(state.Runtimes, Path.GetFileName(executable)));
        Directory.CreateDirectory(engine.Root);
        engine = engine with { Name = engine.ReadVersion() };
        ProbeContainer.Run(engine, options, state);
        return engine;
    }

    private static string? Locate(string candidate) =>
        candidate.Contains('/', StringComparison.Ordinal) ? File.Exists(candidate) ? candidate : null
            : SearchPath.Select(directory => Path.Combine(directory, candidate)).FirstOrDefault(File.Exists);

    /// <summary>The first line of --version: <c>runc version 1.1.5+ds1</c>, <c>crun version 1.8.1</c>.</summary>
    private string ReadVersion()
    {
        var (_, text) = Execute(["--version"]);
        var line = text.Split('\n', 2)[0].Replace(" version ", " ", StringComparison.Ordinal).Trim();
        return line.Length is > 0 and < 80 ? line : Path.GetFileName(Executable);
    }

    private (int ExitCode, string Output) Execute(string[] arguments)
    {
        using var process = ChildProcess.Start(Executable, arguments, Environment);
        var text = new List<byte>();
        Span<byte> buffer = stackalloc byte[4096];
        for (var handles = new[] { process.Output, process.Error }.ToList(); handles.Count > 0;)
        {
            var ready = ChildProcess.Poll(handles.ToArray(), -1);
            for (var i = handles.Count - 1; i >= 0; i--)
            {
                if ((ready & 1 << i) == 0)
                    continue;
                var read = Libc.TryRead(handles[i], buffer);
                if (read > 0)
                    text.AddRange(buffer[..read]);
                else
                    handles.RemoveAt(i);
            }
        }
        return (process.Wait(), System.Text.Encoding.UTF8.GetString([.. text]));
    }
}
