using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Grid.Lifecycle.Tests.Source;

/// <summary>
/// OpenSSH's server on the loopback interface, with keys of its own: one process for each connection, as from inetd, which this listens for. It runs as a user without
/// rights: as whom the test runs, or as nobody when that is root.
/// </summary>
internal sealed class SshServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _directory;
    private readonly List<string> _command;

    private SshServer(string directory)
    {
        _directory = directory;
        _listener.Start();
        _command = ["/usr/sbin/sshd", "-i", "-e", "-f", Path.Combine(directory, "config")];
        if (!Environment.IsPrivilegedProcess)
            return;
        // Nobody may not sign in here; for these processes it has a name that may, and a shell.
        var users = Path.Combine(directory, "passwd");
        File.WriteAllText(users, $"root:x:0:0:root:/root:/bin/sh\ngit:x:65534:65534:git:{directory}:/bin/sh\n");
        _command.InsertRange(0, ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            $"mount --bind '{users}' /etc/passwd && exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \"$@\"", "sh"]);
    }

    /// <summary>Whether there is a server to run.</summary>
    public static bool IsInstalled => File.Exists("/usr/sbin/sshd");

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Who signs in.</summary>
    public static string User => Environment.IsPrivilegedProcess ? "git" : Environment.UserName;

    /// <summary>What a client knows the server by.</summary>
    public string KnownHosts => $"[127.0.0.1]:{Port} {File.ReadAllText(Path.Combine(_directory, "host.pub"))}";

    /// <summary>The private key that may sign in.</summary>
    public byte[] PrivateKey => File.ReadAllBytes(Path.Combine(_directory, "user"));

    /// <summary>Starts it.</summary>
    /// <param name="directory">For its keys and configuration; everybody may look into those above it.</param>
    public static SshServer Start(string directory)
    {
        Directory.CreateDirectory(directory);
        MakeKey(Path.Combine(directory, "host"));
        MakeKey(Path.Combine(directory, "user"));
        File.WriteAllText(Path.Combine(directory, "config"), $"""
            HostKey {directory}/host
            AuthorizedKeysFile {directory}/user.pub
            PubkeyAuthentication yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            StrictModes no
            UsePAM no

            """);
        File.WriteAllText(Path.Combine(directory, ".gitconfig"), "[safe]\n\tdirectory = *\n");
        if (Environment.IsPrivilegedProcess)
            Run("chown", "-R", "65534:65534", directory);
        var server = new SshServer(directory);
        _ = server.ServeAsync();
        return server;
    }

    /// <summary>Makes a key pair: the private key in the file, the public one beside it.</summary>
    public static void MakeKey(string file) => Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file);

    public void Dispose() => _listener.Stop();

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false })!;
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', arguments)}");
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
            _ = Task.Run(() => ServeAsync(client));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var connection = client;
        using var process = Process.Start(new ProcessStartInfo(_command[0], _command.Skip(1)) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var log = process.StandardError.ReadToEndAsync();
        var stream = connection.GetStream();
        var receiving = CopyAsync(stream, process.StandardInput.BaseStream, process.StandardInput.Close);
        await CopyAsync(process.StandardOutput.BaseStream, stream, () => connection.Client.Shutdown(SocketShutdown.Send));
        await receiving;
        await process.WaitForExitAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(await log);
    }

    private static async Task CopyAsync(Stream from, Stream to, Action end)
    {
        try
        {
            var buffer = new byte[32 * 1024];
            while (await from.ReadAsync(buffer) is > 0 and var read)
            {
                await to.WriteAsync(buffer.AsMemory(0, read));
                await to.FlushAsync();
            }
            end();
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The other side went away.
        }
    }
}
