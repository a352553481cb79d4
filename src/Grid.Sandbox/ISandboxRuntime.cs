using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Network;

namespace Grid.Sandbox;

/// <summary>
/// Runs untrusted processes in root file systems made of image layers. One implementation per engine; all pass the same conformance suite.
/// </summary>
/// <remarks>
/// Words: a <i>snapshot</i> is a root file system, named by the chain of diff IDs it is made of. A <i>sandbox</i> is a writable snapshot over a
/// parent chain, with volumes mounted into it, in which processes are run one after another or at once. <see cref="ISandbox.CommitAsync"/>
/// turns what was written into one layer, which from then on can be a parent on this node without being unpacked again. Disposing a
/// sandbox ends its processes and drops what was not committed. What a crash left behind is removed by <see cref="RecoverAsync"/>.
/// </remarks>
public interface ISandboxRuntime
{
    /// <summary>The engine and its version, such as <c>crun 1.8.1</c>, for logs and <c>grid doctor</c>.</summary>
    string Name { get; }

    /// <summary>What who runs this node should know about how well its sandboxes are closed, or null. Known once something has been run.</summary>
    string? Warning => null;

    /// <summary>Throws <see cref="SandboxException"/> with the reason when this runtime cannot run sandboxes on this node. Later calls are quick.</summary>
    Task ProbeAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes the parent's layers present on this node (fetching and unpacking what is missing, bottom first) and a writable sandbox over them.
    /// Nothing runs yet. The same handle must not be in use (<see cref="InvalidOperationException"/>).
    /// </summary>
    Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken);

    /// <summary>
    /// Kills processes and removes mounts, control groups and directories that an earlier process of this node left behind, but for what can be gone on with
    /// (<see cref="ISandboxSurvivors"/>).
    /// </summary>
    Task RecoverAsync(CancellationToken cancellationToken);
}

/// <summary>A writable root file system and the processes in it.</summary>
public interface ISandbox : IAsyncDisposable
{
    /// <summary>The root as a process inside sees it, volumes included.</summary>
    IFileTree Files { get; }

    /// <summary>Set when it outlives this process; null when it ends with it.</summary>
    SandboxLife? Life => null;

    /// <summary>
    /// Runs a process to its end; several may run at once. A non-zero exit code is a result, not an error. Cancelling kills the process and
    /// all it started, and throws <see cref="OperationCanceledException"/> after they are gone. When the process ends, what it left running is killed.
    /// </summary>
    Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken);

    /// <summary>
    /// Reads what was written since the sandbox was made back as one deterministic layer in the content store, or null when nothing was.
    /// Volumes, mount points and <see cref="SandboxSpec.ExcludedPaths"/> are not part of it. Afterwards the sandbox can only be disposed.
    /// </summary>
    Task<Layer?> CommitAsync(CancellationToken cancellationToken);
}

/// <summary>What a sandbox is made of.</summary>
/// <param name="Handle">Deterministic name, unique on the node: letters, digits, '-', '_' and '.'.</param>
/// <param name="Parent">Layers of the root file system, bottom first.</param>
/// <param name="Blobs">Where layers that are not in the node's content store are fetched from.</param>
public sealed record SandboxSpec(string Handle, IReadOnlyList<Layer> Parent, IBlobSource Blobs)
{
    /// <summary>Directories of the host that appear inside.</summary>
    public IReadOnlyList<Volume> Volumes { get; init; } = [];

    /// <summary>Paths whose changes <see cref="ISandbox.CommitAsync"/> leaves out, with all below them.</summary>
    public IReadOnlyList<string> ExcludedPaths { get; init; } = [];

    public SandboxLimits Limits { get; init; } = new();

    /// <summary>What is done in it; null when it shall end with this process.</summary>
    public SandboxIdentity? Identity { get; init; }

    /// <summary>
    /// All that processes with a network may reach; null for what the node lets through. A runtime that cannot hold it runs no process with a network
    /// (<see cref="RefuseList"/>).
    /// </summary>
    public EgressList? Egress { get; init; }

    /// <summary>Throws <see cref="SandboxException"/> when there is a list: for runtimes, before they run a process with a network and cannot hold it.</summary>
    /// <param name="why">What sandboxes do here.</param>
    public void RefuseList(string why)
    {
        if (Egress is not null)
        {
            throw new SandboxException(
                $"what this build may reach is a list of destinations, which cannot be held here: sandboxes {why}; it needs a node with an OCI runtime and slirp4netns (sandbox.kind oci, sandbox.egress open), or a tenant whose builds reach nothing (egress None without egressAllow)");
        }
    }

    /// <summary>
    /// Whether environments of its processes may hold secrets: what the engine writes about them then stays in memory. A Docker engine has a container's environment on
    /// its disk as long as the container lives.
    /// </summary>
    public bool HasSecrets { get; init; }

    /// <summary>
    /// Whether the sandbox is an empty root for files alone: no parent, no volumes, nothing of the engine in it, and no process can run. Its layer is the same on every node and
    /// can be put on any image.
    /// </summary>
    public bool FilesOnly { get; init; }
}

/// <summary>A directory of the host inside the sandbox.</summary>
/// <param name="HostPath">Absolute; made by us, never by a tenant.</param>
/// <param name="Path">Absolute path inside; made when missing, and never part of a layer.</param>
/// <param name="ReadOnly">Whether processes inside can write to it.</param>
public sealed record Volume(string HostPath, string Path, bool ReadOnly = false);

/// <summary>Bounds for all processes of a sandbox together.</summary>
public sealed record SandboxLimits
{
    /// <summary>Bytes of memory; 0 means no bound.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Thousandths of a processor; 0 means no bound.</summary>
    public int CpuMillis { get; init; }

    /// <summary>
    /// Bytes of all files in what a sandbox writes to: its own file system and its writable volumes. 0 means no bound. A Docker engine does not hold it.
    /// </summary>
    public long DiskBytes { get; init; }

    /// <summary>Number of processes and threads.</summary>
    public int MaxProcesses { get; init; } = 4096;
}

/// <summary>One process.</summary>
/// <param name="Arguments">Executable (looked up on the PATH of <paramref name="Environment"/> inside when it has no slash) and arguments.</param>
/// <param name="Environment"><c>NAME=value</c>; nothing else is passed but what the engine needs to reach package mirrors (CA bundle variables).</param>
/// <param name="WorkingDirectory">Absolute path inside.</param>
/// <param name="User">Who it runs as.</param>
public sealed record ProcessSpec(IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment, string WorkingDirectory, ProcessUser User)
{
    /// <summary>Receives standard output and standard error as it comes; called from one thread at a time.</summary>
    public IProcessOutput Output { get; init; } = NullOutput.Instance;

    /// <summary>What the process may do.</summary>
    public Privileges Privileges { get; init; } = Privileges.None;

    /// <summary>Whether it sees the network. Package managers need it; <c>RUN --network=none</c> turns it off.</summary>
    public bool Network { get; init; } = true;

    /// <summary>Volumes for this process alone, over the sandbox's: RUN --mount, a plan file.</summary>
    public IReadOnlyList<Volume> ExtraVolumes { get; init; } = [];

    /// <summary>Empty file systems in memory for this process alone, gone when it ends: RUN --mount=type=tmpfs.</summary>
    public IReadOnlyList<TemporaryFileSystem> TemporaryFileSystems { get; init; } = [];
}

/// <summary>An empty file system in memory.</summary>
/// <param name="Path">Absolute path inside; made when missing, and never part of a layer.</param>
/// <param name="SizeBytes">Most bytes in it; 0 means the kernel's own bound.</param>
public sealed record TemporaryFileSystem(string Path, long SizeBytes = 0);

/// <summary>Numeric identity of a process; names have been resolved in the image's own passwd and group before.</summary>
public sealed record ProcessUser(int UserId, int GroupId)
{
    public IReadOnlyList<int> SupplementaryGroups { get; init; } = [];
}

/// <summary>What a process may do beyond an ordinary user.</summary>
public enum Privileges
{
    /// <summary>No capabilities and no-new-privileges: buildpacks, detect, generate.</summary>
    None = 0,

    /// <summary>Docker's default capabilities: RUN steps, where package managers must chown and setuid.</summary>
    PackageManager = 1,
}

/// <summary>How a process ended.</summary>
/// <param name="ExitCode">Its exit code, or 128 + signal.</param>
/// <param name="OutOfMemory">Whether it was killed for exceeding <see cref="SandboxLimits.MemoryBytes"/>.</param>
public sealed record ProcessResult(int ExitCode, bool OutOfMemory = false)
{
    /// <summary>Why there never was a process: not executable, no such interpreter. The exit code then is a shell's for it, 126 or 127. Null when it started.</summary>
    public string? StartFailure { get; init; }
}

/// <summary>Takes a process's output.</summary>
public interface IProcessOutput
{
    /// <summary>A piece of output; not necessarily whole lines. The memory is only valid during the call.</summary>
    void Write(ReadOnlySpan<byte> bytes, bool isError);
}

/// <summary>Drops output.</summary>
public sealed class NullOutput : IProcessOutput
{
    public static readonly NullOutput Instance = new();

    public void Write(ReadOnlySpan<byte> bytes, bool isError) { }
}

/// <summary>The engine itself failed (not the process in it): the runtime is missing, a mount was refused, a layer is broken.</summary>
public sealed class SandboxException(string message, Exception? inner = null) : Exception(message, inner);
