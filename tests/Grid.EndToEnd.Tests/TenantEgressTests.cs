using System.Diagnostics;
using System.Globalization;
using System.Net;
using Grid.EndToEnd.Tests.Chaos;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>A tenant with a list of destinations: what the steps of its builds and ADD reach is what is listed.</summary>
public sealed class TenantEgressTests(TestMachine machine)
{
    /// <summary>A web server of a few lines: /file, and /redirect to another name of the same place.</summary>
    private const string Server = """
        use IO::Socket::INET; $| = 1; my $l = IO::Socket::INET->new(Listen => 50, LocalAddr => "0.0.0.0") or die "$@"; my $port = $l->sockport; print "$port\n";
        while (my $c = $l->accept) { my $line = <$c>; while (defined(my $h = <$c>)) { last if $h =~ /^\r?\n/ }
        print $c $line =~ m{/redirect} ? "HTTP/1.1 302 Found\r\nLocation: http://unlisted.example.com:$port/file\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        : "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\ncontent\n"; close $c }
        """;

    [Fact]
    public async Task Steps_and_ADD_of_a_tenants_builds_reach_what_is_listed_and_nothing_else()
    {
        if (!File.Exists("/usr/bin/slirp4netns") || !Environment.IsPrivilegedProcess)
            Assert.Skip("needs root and slirp4netns");
        var bench = await machine.NewAsync();
        await using var network = await NodeNetwork.BridgeAsync(1);
        using var server = Tool.Start(network.Enter(0)[0], [.. network.Enter(0).Skip(1), "perl", "-e", Server], new Dictionary<string, string?>());
        try
        {
            var port = int.Parse((await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldNotBeNull(), CultureInfo.InvariantCulture);
            await BuildAsync(bench, network.AddressOf(0), port);
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task BuildAsync(Workbench bench, IPAddress address, int port)
    {
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app", build: BuilderDirectory.WebProcess).Extension("test/chosen", $$"""
            listed='http://listed.example.com:{{port}}'
            case "$(cat "$CNB_PLATFORM_DIR/env/CASE")" in
            other) step='ADD http://unlisted.example.com:{{port}}/file /added' ;;
            redirect) step="ADD $listed/redirect /added" ;;
            *) step="ADD $listed/file /added" ;;
            esac
            reach() { echo "RUN if bash -c 'exec 3<>/dev/tcp/$1/{{port}}'; then echo $1 is reached; else echo $1 is out of reach; fi"; }
            { echo 'ARG base_image'; echo 'FROM ${base_image}'; echo 'USER root'; echo "$step"; reach {{address}}; reach unlisted.example.com; reach listed.example.com; } >"$CNB_OUTPUT_DIR/build.Dockerfile"
            """);
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        var data = Path.Combine(bench.Root, "node");
        var hosts = Path.Combine(bench.Root, "hosts");
        await File.WriteAllTextAsync(hosts, $"127.0.0.1 localhost\n{address} listed.example.com unlisted.example.com\n");
        bench.Environment["GRID_PRIVATE_HOST"] = "127.0.0.1,listed.example.com,unlisted.example.com";
        // The node has names of its own; nothing of the machine is changed.
        using var node = bench.StartIn(["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hosts],
            "serve", "--data-dir", data, "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0", "--sandbox-egress", "open");
        var place = await ServeTests.AddressAsync(node);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", place, "--key-file", Path.Combine(data, "operator-key"))).ExitCode.ShouldBe(0);
        await TenantBoundsTests.SetAsync(place, File.ReadAllText(Path.Combine(data, "operator-key")).Trim(), """{"egress":"None","egressAllow":["listed.example.com"]}""");
        Task<BuildRun> RunAsync(string what) => BuildRun.OfAsync(bench.Start("build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/{what}:1", "--env", $"CASE={what}", "--json"));

        var log = (await RunAsync("listed")).ShouldSucceed().Log;
        log.ShouldContain($"{address} is out of reach");
        log.ShouldContain("unlisted.example.com is out of reach");
        log.ShouldContain("egress: host unlisted.example.com is not in the list of destinations that may be reached");
        log.ShouldContain("listed.example.com is reached");
        (await RunAsync("other")).ShouldFail(102, $"unlisted.example.com:{port} is not in the list of destinations");
        (await RunAsync("redirect")).ShouldFail(102, $"unlisted.example.com:{port} is not in the list of destinations");

        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
            (await Tool.EndAsync(node)).ExitCode.ShouldBe(0);
        Leftovers.Of(data, data).ShouldBeEmpty();
    }
}
