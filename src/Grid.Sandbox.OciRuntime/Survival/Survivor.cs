namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>A sandbox that an earlier process of the node left, and that can be gone on with.</summary>
internal sealed class Survivor : IDisposable
{
    private readonly IDisposable _layers;
    private AttachedSupervisor? _running;

    private Survivor(string directory, SandboxRecord record, AttachedSupervisor? running, IDisposable layers)
    {
        (Directory, Record, _running, _layers) = (directory, record, running, layers);
    }

    public string Directory { get; }

    public SandboxRecord Record { get; }

    public SurvivingSandbox Description => new(Path.GetFileName(Directory), Record.Identity);

    /// <summary>The process in whose mount namespace the sandbox is; null when nothing runs in it.</summary>
    public int? Holder => _running is { HasEnded: false } running ? running.Pid : null;

    /// <summary>Takes a sandbox over that a dead process left; null when nobody can go on with it.</summary>
    /// <param name="directory">The sandbox's directory.</param>
    /// <param name="hold">Keeps layers from being removed until the result is disposed.</param>
    public static Survivor? TryTake(string directory, Func<IReadOnlyList<string>, IDisposable> hold)
    {
        if (SandboxRecord.TryRead(directory) is not { } record || record.Boot != SandboxRecord.CurrentBoot() || !System.IO.Directory.Exists(Path.Combine(directory, "upper")))
            return null;
        var processes = ProcessesOf(directory);
        if (processes.Count == 0 || processes.Any(Supervisor.IsAbandoned) || processes.SkipLast(1).Any(process => Supervisor.ExitOf(process) is null))
            return null;
        // The pipes are opened before the claim is seen: what the supervisor does not empty into files then, is in them.
        var running = AttachedSupervisor.TryAttach(processes[^1]);
        Supervisor.Claim(directory);
        running?.LetDrain();
        if ((running is null && Supervisor.ExitOf(processes[^1]) is null) || Supervisor.IsAbandoned(processes[^1]))
        {
            running?.Dispose();
            return null;
        }
        return new Survivor(directory, record, running, hold(record.Image));
    }

    /// <summary>Directories of processes, in the order they were run in.</summary>
    public static IReadOnlyList<string> ProcessesOf(string sandbox)
    {
        var name = Path.GetFileName(sandbox);
        var processes = new List<string>();
        while (Path.Combine(sandbox, $"{name}-{processes.Count + 1}") is var next && System.IO.Directory.Exists(next))
            processes.Add(next);
        return processes;
    }

    /// <summary>The supervisor of the process that still runs, which is the caller's from now on; null for every other process.</summary>
    public AttachedSupervisor? TakeSupervisor(string process)
    {
        if (_running is null || process != ProcessesOf(Directory)[^1])
            return null;
        var running = _running;
        _running = null;
        return running;
    }

    public void Dispose()
    {
        _running?.Dispose();
        _layers.Dispose();
    }
}
