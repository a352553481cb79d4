using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>A real <c>docker-registry</c> on a free loopback port, with its access log; optionally one that wants a password.</summary>
public sealed class LoopbackRegistry : IAsyncDisposable
{
    public const string User = "builder";
    public const string Password = "let-me-in";

    // bcrypt of the password, as "htpasswd -B" writes it.
    private const string PasswordFile = User + ":$2y$05$abcdefghijklmnopqrstuu3Jd./u/rH1RxB6auX5v7gLP6uWhKCgG\n";

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _log;

    private LoopbackRegistry(Process process, ConcurrentQueue<string> log, string host) => (_process, _log, Host) = (process, log, host);

    /// <summary>Host and port, as they stand in image names.</summary>
    public string Host { get; }

    /// <summary>What has been asked for until now, one line a request, as the registry logged it.</summary>
    public async Task<IReadOnlyList<string>> RequestsAsync()
    {
        // The log comes by a pipe, some time after the answers: all that was answered is in it when a later request is.
        const string Mark = "/v2/?mark=";
        var mark = Mark + Guid.NewGuid().ToString("N");
        using var client = new HttpClient();
        using (await client.GetAsync(new Uri($"http://{Host}{mark}")))
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            while (!_log.Any(line => line.Contains(mark, StringComparison.Ordinal)))
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
        }
        return [.. _log.Where(line => line.Contains("HTTP/1.1\"", StringComparison.Ordinal) && !line.Contains(Mark, StringComparison.Ordinal))];
    }

    public static async Task<LoopbackRegistry> StartAsync(string directory, bool withPassword = false)
    {
        Directory.CreateDirectory(directory);
        var host = $"127.0.0.1:{LoopbackPort.Free()}";
        var config = Path.Combine(directory, "config.yml");
        var passwords = Path.Combine(directory, "htpasswd");
        await File.WriteAllTextAsync(passwords, PasswordFile);
        await File.WriteAllTextAsync(config, $$"""
            version: 0.1
            log: { level: error, accesslog: { disabled: false } }
            storage: { filesystem: { rootdirectory: "{{directory}}/data" }, delete: { enabled: true } }
            http: { addr: "{{host}}" }
            {{(withPassword ? $"auth: {{ htpasswd: {{ realm: test, path: \"{passwords}\" }} }}" : "")}}
            """);
        var log = new ConcurrentQueue<string>();
        var process = Tool.Start("docker-registry", ["serve", config], new Dictionary<string, string?> { ["OTEL_TRACES_EXPORTER"] = "none" });
        process.OutputDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await WaitAsync(process, host, log);
        return new LoopbackRegistry(process, log, host);
    }

    /// <summary>A directory for DOCKER_CONFIG with this registry's password, or another one.</summary>
    public string DockerConfig(string directory, string password = Password)
    {
        Directory.CreateDirectory(directory);
        var auth = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{password}"));
        File.WriteAllText(Path.Combine(directory, "config.json"), "{\"auths\":{\"" + Host + "\":{\"auth\":\"" + auth + "\"}}}");
        return directory;
    }

    /// <summary>Copies an image of an OCI layout here by skopeo; <paramref name="source"/> is <c>oci:DIR:TAG</c>.</summary>
    public Task PushAsync(string source, string name) => Tool.RunAsync(
        "skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", $"--dest-creds={User}:{Password}", source, $"docker://{Host}/{name}");

    /// <summary>Copies an image from here into an OCI layout by skopeo.</summary>
    public Task PullAsync(string name, string target) => Tool.RunAsync(
        "skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", $"--src-creds={User}:{Password}", $"docker://{Host}/{name}", target);

    /// <summary>Tags of a repository; none when it does not exist.</summary>
    public async Task<IReadOnlyList<string>> TagsAsync(string repository)
    {
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}")));
        using var response = await client.GetAsync(new Uri($"http://{Host}/v2/{repository}/tags/list"));
        if (response.StatusCode == HttpStatusCode.NotFound)
            return [];
        using var document = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var tags = document.RootElement.GetProperty("tags");
        return tags.ValueKind == System.Text.Json.JsonValueKind.Null ? [] : [.. tags.EnumerateArray().Select(tag => tag.GetString()!)];
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task WaitAsync(Process process, string host, IEnumerable<string> log)
    {
        using var client = new HttpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            try
            {
                using var response = await client.GetAsync(new Uri($"http://{host}/v2/"), patience.Token);
                return;
            }
            catch (HttpRequestException) when (!process.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
            }
            catch (HttpRequestException e)
            {
                throw new InvalidOperationException($"docker-registry ended: {string.Join('\n', log)}", e);
            }
        }
    }
}
