using System.Globalization;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Networks;

/// <summary>
/// A network namespace with a way out: slirp4netns, which speaks for it with sockets of an ordinary process, so the machine's routes, addresses and firewall stay as
/// they are and no rights over them are needed. It ends when we do, because its standard error then has no reader.
/// </summary>
internal sealed class SandboxNetwork : IDisposable
{
    /// <summary>The name server in it, which asks the machine's.</summary>
    public const string NameServer = "10.0.2.3";

    private static readonly string[] SearchPath = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"];
    private readonly SafeFileHandle _namespace;
    private readonly ChildProcess _slirp;
    private readonly EgressNotes _notes = new();
    private EgressGate? _gate;
    private NameAnswerer? _names;

    private SandboxNetwork(SafeFileHandle ns, ChildProcess slirp) => (_namespace, _slirp) = (ns, slirp);

    /// <summary>Where a runtime finds the namespace.</summary>
    public string Path => PathOf(_namespace);

    /// <summary>The network lives for as long as anybody has this open.</summary>
    public SafeFileHandle Life => _slirp.Error;

    /// <summary>Whether it still works.</summary>
    public bool IsAlive => (ChildProcess.Poll([_slirp.Exit], 0) & 1) == 0;

    /// <summary>Whether it has a list: what has been opened for one sandbox is nothing for the next.</summary>
    public bool IsListed => _gate is not null;

    /// <summary>What was kept from its processes since the last time.</summary>
    public IReadOnlyList<string> TakeNotes() => _notes.Take();

    /// <summary>Makes one; takes some ten milliseconds. Throws <see cref="SandboxException"/> with what to do.</summary>
    /// <param name="rules">What it lets through; everything, but what every network of ours keeps out, when null.</param>
    public static SandboxNetwork Create(EgressRules? rules)
    {
        var network = Create(withNames: rules is null);
        try
        {
            network.Close(rules);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private static SandboxNetwork Create(bool withNames)
    {
        var executable = SearchPath.Select(directory => System.IO.Path.Combine(directory, "slirp4netns")).FirstOrDefault(File.Exists)
            ?? throw new SandboxException("slirp4netns is not installed; install it, or let sandboxes share the machine's network (--sandbox-egress host)");
        var ns = NetworkNamespace.Create();
        try
        {
            // A name server that asks the machine's for whatever it is asked is a way out by itself.
            string[] names = withNames ? [] : ["--disable-dns"];
            string[] arguments = ["--configure", "--mtu=65520", "--disable-host-loopback", .. names, "--enable-sandbox", "--ready-fd=1", "--exit-fd=2", "--netns-type=path", PathOf(ns), "tap0"];
            var slirp = ChildProcess.Start(executable, arguments, ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
            Span<byte> answer = stackalloc byte[1];
            if (Libc.TryRead(slirp.Output, answer) == 1 && answer[0] == (byte)'1')
                return new SandboxNetwork(ns, slirp);
            Span<byte> reason = stackalloc byte[1000];
            var length = Math.Max(0, Libc.TryRead(slirp.Error, reason));
            slirp.Dispose();
            throw new SandboxException($"slirp4netns does not start: {System.Text.Encoding.UTF8.GetString(reason[..length]).Trim()}");
        }
        catch
        {
            ns.Dispose();
            throw;
        }
    }

    /// <summary>Closes what is not listed, or what every network of ours keeps out, before any process is in it.</summary>
    private void Close(EgressRules? rules)
    {
        try
        {
            if (rules is null)
            {
                using var tap = OpenTap(_slirp);
                EgressGate.KeepClosed(tap);
                return;
            }
            _gate = EgressGate.Close(OpenTap(_slirp), NetworkNamespace.Inside(_namespace, NetworkCalls.OpenRoutes), rules.List);
        }
        catch (IOException refused)
        {
            throw new SandboxException($"what a sandbox sends cannot be filtered here: {refused.Message}; it needs Linux 5.6 and leave to use pidfd_getfd on own processes", refused);
        }
        _names = NameAnswerer.Start(_namespace, rules, _gate, _notes);
    }

    /// <summary>The tap device as slirp4netns has it open: who reads it can have frames left out.</summary>
    private static SafeFileHandle OpenTap(ChildProcess slirp)
    {
        foreach (var descriptor in Directory.EnumerateFiles($"/proc/{slirp.Pid}/fd"))
        {
            if (TargetOf(descriptor) == "/dev/net/tun")
                return NetworkCalls.Duplicate(slirp.Exit, int.Parse(System.IO.Path.GetFileName(descriptor), CultureInfo.InvariantCulture));
        }
        throw new IOException("slirp4netns has no tap device open");
    }

    /// <summary>What a descriptor stands for; null when it has been closed meanwhile, as the one is by which slirp4netns says that it is ready.</summary>
    private static string? TargetOf(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.FullName;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _names?.Dispose();
        _gate?.Dispose();
        _slirp.Dispose();
        _namespace.Dispose();
    }

    private static string PathOf(SafeFileHandle ns) => $"/proc/{Environment.ProcessId}/fd/{Libc.Raw(ns)}";
}
