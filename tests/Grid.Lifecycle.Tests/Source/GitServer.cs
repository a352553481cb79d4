using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Grid.Lifecycle.Tests.Source;

/// <summary>Git's own <c>http-backend</c> behind a web server on the loopback interface, with repositories that the test makes; optionally with a password.</summary>
internal sealed class GitServer : IDisposable
{
    public const string User = "reader";
    public const string Password = "s3cret-of-the-repository";

    private readonly HttpListener _listener;
    private readonly string _directory;

    private GitServer(string directory, HttpListener listener, string address) => (_directory, _listener, Address) = (directory, listener, address);

    /// <summary>Without a slash at its end.</summary>
    public string Address { get; }

    /// <summary>Whether <see cref="User"/> has to sign in.</summary>
    public bool IsPrivate { get; set; }

    /// <summary>Paths that answer with a redirect, and where to.</summary>
    public ConcurrentDictionary<string, string> Moved { get; } = new(StringComparer.Ordinal);

    public string Line => $"http://{User}:{Password}@{new Uri(Address).Authority}\n";

    public static GitServer Start(string directory)
    {
        Directory.CreateDirectory(directory);
        for (var attempt = 0; ; attempt++)
        {
            int port;
            using (var probe = new TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                port = ((IPEndPoint)probe.LocalEndpoint).Port;
            }
            var listener = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
            try
            {
                listener.Start();
            }
            catch (HttpListenerException) when (attempt < 20)
            {
                // Somebody else took the port in between.
                continue;
            }
            var server = new GitServer(directory, listener, $"http://127.0.0.1:{port}");
            _ = server.ServeAsync();
            return server;
        }
    }

    /// <summary>Makes a repository of these files and gives the URL; null as content makes a link to the name behind <c>-></c>.</summary>
    public string Repository(string name, params (string Path, string? Content)[] files)
    {
        var work = Path.Combine(_directory, name + ".work");
        Directory.CreateDirectory(work);
        Git(work, "init", "--quiet", "--initial-branch=main");
        Commit(name, files);
        Git(_directory, "clone", "--quiet", "--bare", work, name);
        foreach (var setting in new[] { "http.receivepack", "uploadpack.allowReachableSHA1InWant" })
            Git(Path.Combine(_directory, name), "config", setting, setting.EndsWith("receivepack", StringComparison.Ordinal) ? "false" : "true");
        return $"{Address}/{name}";
    }

    /// <summary>Adds a commit and gives its id. A repository that is served already gets it by <see cref="Publish"/>.</summary>
    public string Commit(string name, params (string Path, string? Content)[] files)
    {
        var work = Path.Combine(_directory, name + ".work");
        foreach (var (path, content) in files)
        {
            string[] link = path.Split("->");
            var file = Path.Combine(work, link[0]);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            if (content is null)
                File.CreateSymbolicLink(file, link[1]);
            else
                File.WriteAllText(file, content);
        }
        Git(work, "add", "--all");
        Git(work, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--allow-empty", "--message", "change");
        return Git(work, "rev-parse", "HEAD");
    }

    /// <summary>Serves what was committed since, with a tag on it if one is named.</summary>
    public void Publish(string name, string? tag = null)
    {
        var work = Path.Combine(_directory, name + ".work");
        if (tag is not null)
            Git(work, "tag", tag);
        Git(Path.Combine(_directory, name), "fetch", "--quiet", work, "+refs/*:refs/*");
    }

    public void Dispose() => _listener.Close();

    private static string Git(string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo("git") { UseShellExecute = false, WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, $"git {string.Join(' ', arguments)}: {errors.Result}");
        return output.Trim();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            _ = Task.Run(() => AnswerAsync(context));
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            var path = context.Request.Url!.AbsolutePath;
            if (Moved.FirstOrDefault(m => path.StartsWith(m.Key, StringComparison.Ordinal)) is { Key: not null } moved)
                context.Response.Redirect(moved.Value + path[moved.Key.Length..] + context.Request.Url.Query);
            else if (IsPrivate && context.Request.Headers["Authorization"] != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}")))
                (context.Response.StatusCode, context.Response.Headers["WWW-Authenticate"]) = (401, "Basic realm=\"test\"");
            else
                await BackendAsync(context, path);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
        {
            // The client went away.
        }
    }

    /// <summary>The Common Gateway Interface: what is asked in variables, the answer with headers before an empty line.</summary>
    private async Task BackendAsync(HttpListenerContext context, string path)
    {
        var request = context.Request;
        using var body = new MemoryStream();
        await request.InputStream.CopyToAsync(body);
        var start = new ProcessStartInfo("git") { UseShellExecute = false, ArgumentList = { "http-backend" }, RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var (name, value) in new (string, string?)[]
        {
            ("GIT_PROJECT_ROOT", _directory), ("GIT_HTTP_EXPORT_ALL", "1"), ("PATH_INFO", path), ("QUERY_STRING", request.Url!.Query.TrimStart('?')), ("REQUEST_METHOD", request.HttpMethod),
            ("CONTENT_TYPE", request.ContentType), ("CONTENT_LENGTH", body.Length.ToString(CultureInfo.InvariantCulture)), ("HTTP_CONTENT_ENCODING", request.Headers["Content-Encoding"]),
            ("GIT_PROTOCOL", request.Headers["Git-Protocol"]), ("REMOTE_ADDR", "127.0.0.1"), ("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*"),
        })
        {
            if (value is not null)
                start.Environment[name] = value;
        }
        using var process = Process.Start(start)!;
        var writing = Task.Run(async () =>
        {
            await process.StandardInput.BaseStream.WriteAsync(body.ToArray());
            process.StandardInput.Close();
        });
        using var answer = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(answer);
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await process.WaitForExitAsync();
        var bytes = answer.ToArray();
        var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        foreach (var header in Encoding.ASCII.GetString(bytes, 0, Math.Max(0, end)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(": ", 2)))
        {
            if (header[0] == "Status")
                context.Response.StatusCode = int.Parse(header[1].Split(' ')[0], CultureInfo.InvariantCulture);
            else
                context.Response.Headers[header[0]] = header[1];
        }
        await context.Response.OutputStream.WriteAsync(bytes.AsMemory(end + 4));
    }
}
