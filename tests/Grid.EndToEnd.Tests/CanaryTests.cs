using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure.Storage.Blobs;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.EndToEnd.Tests.Telemetry;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>Secrets planted in every channel a tenant has reach what asks for them, and are found nowhere else afterwards.</summary>
public sealed class CanaryTests(TestMachine machine, TestServers servers)
{
    private const string Mounted = "canary-mounted-7c2f91e04b";
    private const string OfTheBuild = "canary-of-the-build-3d5a60c8e1";
    private const string Variable = "canary-variable-91b7d24f6a";
    private const string Bound = "canary-bound-e84c05a3d7";
    private const string Wrong = "canary-wrong-password-5f0e1b92c6";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("file")]
    [InlineData("azure")]
    public async Task Secrets_of_a_tenant_reach_their_steps_and_nothing_else(string state)
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"), withPassword: true);
        var builder = await BuilderAsync(bench, registry);
        using var receiver = new TraceReceiver();
        bench.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Endpoint;
        bench.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        var id = Guid.NewGuid().ToString("n")[..8];
        if (state == "azure")
            await UseAzureAsync(bench, id);
        var data = Path.Combine(bench.Root, "node");
        using var node = bench.Start("serve", "--data-dir", data, "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0");
        var address = await ServeTests.AddressAsync(node);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(data, "operator-key"))).ExitCode.ShouldBe(0);
        var given = Path.Combine(bench.Root, "given");
        Directory.CreateDirectory(Path.Combine(given, "db"));
        string[] build = ["build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/hello:1", "--secret", $"id=own,src={Write(given, "own", OfTheBuild)}", "--json"];
        var said = new List<string>();

        // Without a login nothing is given away, and what is wrong is said.
        said.Add((await BuildRun.OfAsync(bench.Start(build))).ShouldFail(32, registry.Host).ToString());
        await SetAsync(bench, said, "registry", "login", registry.Host, "--username", LoopbackRegistry.User, "--file", Write(given, "password", Wrong));
        said.Add((await BuildRun.OfAsync(bench.Start(build))).ShouldFail(32, registry.Host, "401").ToString());
        // The longer prefix is the one that is used.
        await SetAsync(bench, said, "registry", "login", $"{registry.Host}/apps", "--username", LoopbackRegistry.User, "--file", Write(given, "password", LoopbackRegistry.Password));
        await SetAsync(bench, said, "registry", "login", $"{registry.Host}/builders", "--username", LoopbackRegistry.User, "--file", Write(given, "password", LoopbackRegistry.Password));
        await SetAsync(bench, said, "registry", "login", $"{registry.Host}/base", "--username", LoopbackRegistry.User, "--file", Write(given, "password", LoopbackRegistry.Password));
        await SetAsync(bench, said, "secret", "set", "SECRET_VARIABLE", "--variable", "--file", Write(given, "variable", Variable));
        Write(given, "db/type", "postgresql");
        Write(given, "db/password", Bound);
        await SetAsync(bench, said, "binding", "set", "db", Path.Combine(given, "db"));
        said.Add((await BuildRun.OfAsync(bench.Start(build))).ShouldFail(102, "'token' was not given").ToString());
        await SetAsync(bench, said, "secret", "set", "token", "--file", Write(given, "token", Mounted));

        var run = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        run.Log.ShouldContain("the buildpack has what it was given");
        said.Add(run.ToString());
        foreach (var list in new[] { "secret", "binding", "registry" })
            await SetAsync(bench, said, list, "list");
        await SetAsync(bench, said, "audit");
        said[^1].ShouldContain("SetSecret  tenants/default/secrets/token  done");
        await SetAsync(bench, said, "audit", "--grid", "--json");
        said.AddRange(await AnswersAsync(bench, address, File.ReadAllText(Path.Combine(data, "operator-key")).Trim(), run));
        Directory.Delete(given, recursive: true);
        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
        {
            var ended = await Tool.EndAsync(node);
            ended.ExitCode.ShouldBe(0);
            said.Add(ended.Output);
            said.Add(ended.Error);
        }

        var canary = new Canary(Mounted, OfTheBuild, Variable, Bound, Wrong, LoopbackRegistry.Password, $"{LoopbackRegistry.User}:{LoopbackRegistry.Password}");
        canary.In("x canary-bound-e84c05a3d7 y").ShouldNotBeNull();
        canary.In(Convert.ToBase64String(Encoding.UTF8.GetBytes($"a:{Mounted}:b"))).ShouldNotBeNull();
        foreach (var text in said)
            canary.In(text).ShouldBeNull(text);
        canary.Below(bench.Root, Directory.GetFiles(bench.Builder.Path, "*", SearchOption.AllDirectories)).ShouldBeEmpty();
        receiver.Spans.ShouldContain(s => s.Name == "run step");
        receiver.Logs.ShouldContain(l => l.Text.StartsWith("work ", StringComparison.Ordinal));
        receiver.Metrics.ShouldContain(m => m.Name == "grid.step.duration");
        foreach (var body in receiver.Bodies)
            canary.In(body).ShouldBeNull(Encoding.UTF8.GetString(body));
        await foreach (var (name, bytes) in BlobsAsync(state, id))
            canary.In(bytes).ShouldBeNull(name);
        foreach (var blob in Directory.Exists("/dev/shm") ? Directory.GetDirectories("/dev/shm", "grid-*") : [])
            canary.Below(blob).ShouldBeEmpty();
        await registry.PullAsync("apps/hello:1", $"oci:{bench.Layout}:app");
        canary.Below(bench.Layout).ShouldBeEmpty();
        Leftovers.Of(data, data).ShouldBeEmpty();
    }

    /// <summary>A builder in the registry whose extension and buildpack fail unless they get exactly what they ask for.</summary>
    private static async Task<string> BuilderAsync(Workbench bench, LoopbackRegistry registry)
    {
        bench.Environment["DOCKER_CONFIG"] = registry.DockerConfig(Path.Combine(bench.Root, "docker"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder
            .Buildpack("test/app", detect: $"test \"$(sha256sum <\"$CNB_PLATFORM_DIR/bindings/db/password\" | head -c 64)\" = {Hash(Bound)}", build: $"""
                test "$(cat "$SERVICE_BINDING_ROOT/db/type")" = postgresql
                test "$(cat "$SERVICE_BINDING_ROOT/db/password" | sha256sum | head -c 64)" = {Hash(Bound)}
                test "$(printf %s "$SECRET_VARIABLE" | sha256sum | head -c 64)" = {Hash(Variable)}
                ! test -e /run/secrets
                echo "the buildpack has what it was given"
                {BuilderDirectory.WebProcess}
                """)
            .Dockerfiles("test/asks", BuilderDirectory.AsRoot($"""
                RUN --mount=type=secret,id=own,required=true test "$(sha256sum </run/secrets/own | head -c 64)" = {Hash(OfTheBuild)} && echo x >/one
                RUN --mount=type=secret,id=token,required=true test "$(sha256sum </run/secrets/token | head -c 64)" = {Hash(Mounted)} && echo x >/two
                RUN ! test -s /run/secrets/token && ! test -e /platform/bindings/db && ! env | grep -q canary && echo x >/three
                """), BuilderDirectory.AsRoot($"""
                RUN --mount=type=secret,id=token,env=TOKEN,required=true test "$(printf %s "$TOKEN" | sha256sum | head -c 64)" = {Hash(Mounted)} && echo x >/four
                """));
        var builder = $"{registry.Host}/builders/tiny:1";
        var created = await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder);
        created.ExitCode.ShouldBe(0, created.ToString());
        // What pushed the builder is none of the node's: the node has no login but the tenant's.
        Directory.Delete(Path.Combine(bench.Root, "docker"), recursive: true);
        bench.Environment["DOCKER_CONFIG"] = Directory.CreateDirectory(Path.Combine(bench.Root, "no-docker")).FullName;
        return builder;
    }

    private async Task UseAzureAsync(Workbench bench, string id)
    {
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["GRID_AZURE_CONNECTION"] = await servers.AzureAsync(), ["GRID_STATE_STORAGE"] = "azure", ["GRID_CONTENT_SHARED"] = "azure", ["GRID_EVENTS_STORAGE"] = "azure",
            ["GRID_STATE_CONTAINER"] = $"s-{id}", ["GRID_CONTENT_CONTAINER"] = $"c-{id}", ["GRID_EVENTS_CONTAINER"] = $"e-{id}",
        })
            bench.Environment[name] = value;
    }

    private async IAsyncEnumerable<(string Name, byte[] Bytes)> BlobsAsync(string state, string id)
    {
        if (state != "azure")
            yield break;
        var account = new BlobServiceClient(await servers.AzureAsync(), new BlobClientOptions(BlobClientOptions.ServiceVersion.V2025_01_05));
        var count = 0;
        foreach (var name in new[] { $"s-{id}", $"c-{id}", $"e-{id}" })
        {
            var container = account.GetBlobContainerClient(name);
            await foreach (var blob in container.GetBlobsAsync(cancellationToken: Stop))
            {
                count++;
                yield return ($"{name}/{blob.Name}", (await container.GetBlobClient(blob.Name).DownloadContentAsync(Stop)).Value.Content.ToArray());
            }
        }
        count.ShouldBeGreaterThan(10);
    }

    private static async Task SetAsync(Workbench bench, List<string> said, params string[] arguments)
    {
        var result = await bench.GridAsync(arguments);
        result.ExitCode.ShouldBe(0, result.ToString());
        said.Add(result.Output + result.Error);
    }

    /// <summary>Every kind of answer the grid gives about what has happened: resources, events, logs, pages, and errors that secrets are part of the request of.</summary>
    private static async Task<IReadOnlyList<string>> AnswersAsync(Workbench bench, string address, string token, BuildRun run)
    {
        var builds = JsonSerializer.Deserialize<JsonElement>((await bench.GridAsync("builds", "--json")).Output).EnumerateArray().ToList();
        builds.ShouldContain(b => b.GetProperty("digest").ValueKind == JsonValueKind.String && b.GetProperty("digest").GetString() == run.Digest);
        using var http = new HttpClient { BaseAddress = new Uri(address.TrimEnd('/') + "/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var answers = new List<string>();
        string[] paths =
        [
            "v1/tenants", "v1/tenants/default", "v1/tenants/default/secrets", "v1/tenants/default/bindings", "v1/tenants/default/registries", "v1/tenants/default/builds", "v1/tenants/default/apps",
            "v1/tenants/default/keys", "v1/tenants/default/audit", "v1/audit", "v1/pools/default/queue", "v1/pools/default/nodes", "metrics", "tenants/default", "tenants/default/apps?name=apps/hello", "health/ready",
            .. builds.Select(b => b.GetProperty("id").GetString()).SelectMany(b => new[] { $"v1/tenants/default/builds/{b}", $"v1/tenants/default/builds/{b}/events", $"v1/tenants/default/builds/{b}/log", $"tenants/default/builds/{b}" }),
        ];
        foreach (var path in paths)
        {
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), Stop);
            answer.IsSuccessStatusCode.ShouldBeTrue($"{path}: {answer.StatusCode}");
            answers.Add($"{path} {answer.Headers} {await answer.Content.ReadAsStringAsync(Stop)}");
        }
        (string Path, string Body)[] wrong =
        [
            ("secrets/token", $"{{\"vallue\":\"{Mounted}\"}}"), ("secrets/token", $"{{\"value\":\"{Mounted}"), ("secrets/token", $"{{\"base64\":\"{Mounted}\"}}"),
            ("secrets/token", $"{{\"value\":\"{Mounted}\",\"base64\":\"eA==\"}}"), ("secrets/token", $"{{\"value\":\"{Mounted}\",\"kind\":\"Registry\"}}"),
            ("registries", $"{{\"registry\":\"https://no\",\"username\":\"u\",\"password\":\"{Wrong}\"}}"), ("bindings/db", $"{{\"type\":\"\",\"entries\":{{\"password\":\"{Bound}\"}}}}"),
        ];
        foreach (var (path, body) in wrong)
        {
            using var answer = await http.PutAsync(new Uri("v1/tenants/default/" + path, UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"), Stop);
            ((int)answer.StatusCode).ShouldBe(400, body);
            answers.Add(await answer.Content.ReadAsStringAsync(Stop));
        }
        return answers;
    }

    private static string Write(string directory, string name, string text)
    {
        var file = Path.Combine(directory, name);
        File.WriteAllText(file, text);
        return file;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
