using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>A tenant's bounds where they have to hold: around the processes of its builds.</summary>
public sealed class TenantBoundsTests(TestMachine machine)
{
    private const string OnlyLoopback = "test \"$(grep -c : /proc/net/dev)\" = 1 && grep -q lo: /proc/net/dev";

    [Fact]
    public async Task Network_and_memory_of_a_tenants_builds_are_what_its_settings_allow()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app", detect: OnlyLoopback, build: OnlyLoopback + "\n" + BuilderDirectory.WebProcess)
            .Extension("test/chosen", $$"""
                case "$(cat "$CNB_PLATFORM_DIR/env/CASE")" in
                fetch) step='ADD {{"http://127.0.0.1:1/x"}} /x' ;;
                memory) step='RUN dd if=/dev/zero of=/x bs=400M count=1' ;;
                disk) step='RUN dd if=/dev/zero of=/x bs=1M count=300' ;;
                *) step='RUN {{OnlyLoopback}}; echo x >/x' ;;
                esac
                { echo 'ARG base_image'; echo 'FROM ${base_image}'; echo 'USER root'; echo "$step"; } >"$CNB_OUTPUT_DIR/build.Dockerfile"
                """);
        var builder = $"{registry.Host}/builders/tiny:1";
        var created = await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder);
        created.ExitCode.ShouldBe(0, created.ToString());
        var data = Path.Combine(bench.Root, "node");
        using var node = bench.Start("serve", "--data-dir", data, "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0");
        var address = await ServeTests.AddressAsync(node);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(data, "operator-key"))).ExitCode.ShouldBe(0);
        await SetAsync(address, File.ReadAllText(Path.Combine(data, "operator-key")).Trim(), """{"egress":"None","maxMemoryBytes":134217728,"maxCpuMillis":1500,"maxDiskBytes":104857600}""");
        Task<BuildRun> BuildAsync(string what) => BuildRun.OfAsync(bench.Start("build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/{what}:1", "--env", $"CASE={what}", "--json"));

        (await BuildAsync("network")).ShouldSucceed();
        (await BuildAsync("fetch")).ShouldFail(102, "http://127.0.0.1:1/x may not be fetched", "egress None");
        (await BuildAsync("memory")).ShouldFail(102, "128 MiB");
        (await BuildAsync("disk")).ShouldFail(102, "more than 100 MiB");

        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
            (await Tool.EndAsync(node)).ExitCode.ShouldBe(0);
        Leftovers.Of(data, data).ShouldBeEmpty();
    }

    /// <summary>Sets what tenant default may, as the operator.</summary>
    internal static async Task SetAsync(string address, string token, string settings)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await http.PutAsync(new Uri(address.TrimEnd('/') + "/v1/tenants/default"), new StringContent(settings, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
