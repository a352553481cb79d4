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

    private SandboxNetwork(SafeFileHandle ns, ChildProcess slirp) => (_namespace, _slirp) = (ns, slirp);

    /// <summary>Where a runtime finds the namespace.</summary>
    public string Path => PathOf(_namespace);

    /// <summary>The network lives for as long as anybody has this open.</summary>
    public SafeFileHandle Life => _slirp.Error;

    /// <summary>Whether it still works.</summary>
    public bool IsAlive => (ChildProcess.Poll([_slirp.Exit], 0) & 1) == 0;

    /// <summary>Makes one; takes some ten milliseconds. Throws <see cref="SandboxException"/> with what to do.</summary>
    public static SandboxNetwork Create()
    {
        var executable = SearchPath.Select(directory => System.IO.Path.Combine(directory, "slirp4netns")).FirstOrDefault(File.Exists)
            ?? throw new SandboxException("slirp4netns is not installed; install it, or let sandboxes share the machine's network (--sandbox-egress host)");
        var ns = NetworkNamespace.Create();
        try
        {
            string[] arguments = ["--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--ready-fd=1", "--exit-fd=2", "--netns-type=path", PathOf(ns), "tap0"];
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

    public void Dispose()
    {
        _slirp.Dispose();
        _namespace.Dispose();
    }

    private static string PathOf(SafeFileHandle ns) => $"/proc/{Environment.ProcessId}/fd/{Libc.Raw(ns)}";
}
