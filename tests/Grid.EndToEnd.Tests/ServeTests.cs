using System.Diagnostics;
using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>A running grid and commands that use it over HTTP.</summary>
public sealed class ServeTests(TestMachine machine)
{
    [Fact]
    public async Task Build_OnARunningGrid_IsTheSameAsOnThisMachine()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both",
            BuilderDirectory.AsRoot("RUN echo build >/extended"), BuilderDirectory.AsRoot("RUN echo run >/extended"));
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        string[] build = ["build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/hello:1", "--json"];
        var here = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        var data = Path.Combine(bench.Root, "node");
        using var node = await ServeAsync(bench, data);
        // The source's owner needs no root and no data directory of its own: everything runs on the node.
        var there = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        there.Digest.ShouldBe(here.Digest);
        // The other grid has no cache, but the image in the registry has the run extension's layers.
        there.Steps().ShouldBe(["ExtendBuild 4 Ran", "ExtendRun 4 Restored"], ignoreOrder: true);
        var listed = await bench.GridAsync("builds", "--json");
        var found = JsonSerializer.Deserialize<JsonElement>(listed.Output)[0];
        found.GetProperty("digest").GetString().ShouldBe(there.Digest);
        var log = await bench.GridAsync("logs", found.GetProperty("id").GetString()!);
        log.ExitCode.ShouldBe(0, log.ToString());
        log.Output.ShouldContain("RUN echo build");
        (await bench.GridAsync("logs", new string('0', 32))).ExitCode.ShouldBe(1);
        (await bench.GridAsync("cache", "why", found.GetProperty("id").GetString()!)).Output.ShouldContain("RUN echo build >/extended");
        (await bench.GridAsync("cache", "list")).Output.ShouldContain("RUN echo build >/extended");
        (await bench.GridAsync("cache", "prune", "--all")).Output.ShouldContain("Removed");
        await registry.PushAsync(bench.Images.Run, "base/run:2");
        string[] Rebase(string tag) => ["rebase", $"{registry.Host}/apps/hello:{tag}", "--previous-image", $"{registry.Host}/apps/hello:1", "--run-image", $"{registry.Host}/base/run:2", "--force",
            "--report-output-dir", Path.Combine(bench.Root, "report-" + tag)];
        foreach (var (tag, where) in new[] { ("here", new[] { "--server", "local", "--insecure-registry", registry.Host }), ("there", []) })
            (await bench.GridAsync([.. Rebase(tag), .. where])).ExitCode.ShouldBe(0);
        var reports = new[] { "here", "there" }.Select(tag => File.ReadAllText(Path.Combine(bench.Root, "report-" + tag, "report.toml")).Replace("hello:" + tag, "hello", StringComparison.Ordinal)).ToList();
        reports[1].ShouldBe(reports[0]);
        await CompareArtifactsAsync(bench, here.Key, found.GetProperty("id").GetString()!);

        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
            (await Tool.EndAsync(node)).ExitCode.ShouldBe(0);
        Leftovers.Of(data, data).ShouldBeEmpty();
    }

    [Fact]
    public async Task Build_WithImagesOfAPrivateAddressThatIsNotListed_IsRefusedAndAsksNobody()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        bench.Environment["GRID_PRIVATE_HOST"] = null;
        var data = Path.Combine(bench.Root, "node");
        using var node = await ServeAsync(bench, data);

        var build = await bench.GridAsync("build", bench.App, "--builder", $"{registry.Host}/builders/tiny:1", "--image", $"{registry.Host}/apps/hello:1");

        build.ExitCode.ShouldNotBe(0);
        (build.Output + build.Error).ShouldContain("127.0.0.1 has the address 127.0.0.1, which builds may not use here; the operator of a grid can list the host (setting private-host)");
        (await registry.RequestsAsync()).ShouldNotContain(request => request.Contains("tiny", StringComparison.Ordinal) || request.Contains("hello", StringComparison.Ordinal));
        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
            (await Tool.EndAsync(node)).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task Extend_OnARunningGrid_IsTheSameAsOnThisMachine()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        var extension = Directory.CreateDirectory(Path.Combine(bench.Root, "tools")).FullName;
        var context = Directory.CreateDirectory(Path.Combine(extension, "context")).FullName;
        await File.WriteAllTextAsync(Path.Combine(extension, "run.Dockerfile"),
            BuilderDirectory.AsRoot("ARG word\nCOPY note secret.txt /notes/\nRUN --mount=type=secret,id=token test \"$(cat /run/secrets/token)\" = t0ken-of-this-build && echo $word >/extended"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(context, "note"), "note", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(context, "secret.txt"), "seen", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(bench.Root, "token"), "t0ken-of-this-build", TestContext.Current.CancellationToken);
        string[] Extend(string name, string file = "run.Dockerfile") => ["extend", "--kind", "run", "--base", $"{registry.Host}/base/run:1", "--dockerfile", Path.Combine(extension, file), "--build-arg", "word=hello",
            "--secret", $"id=token,src={Path.Combine(bench.Root, "token")}", "--output", $"{registry.Host}/{name}", "--json"];
        var here = (await BuildRun.OfAsync(bench.Start(Extend("here/run:1")))).ShouldSucceed();
        var data = Path.Combine(bench.Root, "node");
        using var node = await ServeAsync(bench, data);

        var there = (await BuildRun.OfAsync(bench.Start(Extend("there/run:1")))).ShouldSucceed();
        var again = (await BuildRun.OfAsync(bench.Start(Extend("there/run:2")))).ShouldSucceed();

        there.Digest.ShouldBe(here.Digest);
        there.Steps().ShouldAllBe(step => step.EndsWith("Ran", StringComparison.Ordinal));
        again.Digest.ShouldBe(here.Digest);
        again.Steps().ShouldAllBe(step => step.EndsWith("Cached", StringComparison.Ordinal));
        // It is a build like any other: listed, with its log and its Dockerfiles.
        var id = there.Key.Split('/')[1];
        (await bench.GridAsync("builds")).Output.ShouldContain(id);
        (await bench.GridAsync("cache", "why", id)).Output.ShouldContain("run.Dockerfile:5 COPY note secret");
        await File.WriteAllTextAsync(Path.Combine(extension, "broken.Dockerfile"), BuilderDirectory.AsRoot("RUN echo no >&2; exit 7"), TestContext.Current.CancellationToken);
        (await BuildRun.OfAsync(bench.Start(Extend("there/run:3", "broken.Dockerfile")))).ShouldFail(102, "broken.Dockerfile:4", "exited with code 7");
        var elsewhere = await bench.GridAsync([.. Extend("there/run:4"), "--output", $"oci:{bench.Root}/layout"]);
        elsewhere.ExitCode.ShouldBe(3);
        elsewhere.Error.ShouldContain("a running grid writes to registries only");
        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
            (await Tool.EndAsync(node)).ExitCode.ShouldBe(0);
        Leftovers.Of(data, data).ShouldBeEmpty();
    }

    /// <summary>What a build on this machine left is what one on the grid left, and the commands that show it are the same.</summary>
    private static async Task CompareArtifactsAsync(Workbench bench, string here, string there)
    {
        var listed = new List<string>();
        foreach (var (id, server) in new[] { (here, "local"), (there, null) })
        {
            string[] where = server is null ? [] : ["--server", server];
            var target = Path.Combine(bench.Root, "artifacts-" + (server ?? "grid"));
            var saved = await bench.GridAsync(["artifacts", id, "--output-dir", target, "--json", .. where]);
            saved.ExitCode.ShouldBe(0, saved.ToString());
            listed.Add(saved.Output);
            foreach (var name in new[] { "report.toml", "config/metadata.toml", "group.toml", "plan.toml", "generated/test_both/build.Dockerfile", "generated/test_both/run.Dockerfile" })
                File.Exists(Path.Combine(target, name)).ShouldBeTrue(name);
            (await File.ReadAllTextAsync(Path.Combine(target, "report.toml"), TestContext.Current.CancellationToken)).ShouldContain("digest = \"sha256:");
            var shown = await bench.GridAsync(["artifacts", id, "generated/test_both/run.Dockerfile", .. where]);
            shown.Output.ShouldContain("RUN echo run >/extended");
            (await bench.GridAsync(["logs", id, .. where])).Output.ShouldContain("RUN echo build");
            (await bench.GridAsync(["artifacts", id, "no-such-file", .. where])).ExitCode.ShouldNotBe(0);
        }
        listed[0].ShouldBe(listed[1]);
        (await bench.GridAsync("builds", "--server", "local")).Output.ShouldContain(here.Split('/')[1]);
    }

    [Fact]
    public async Task Login_WithAKeyThatDoesNotWork_KeepsNothing()
    {
        var bench = await machine.NewAsync();
        using var node = bench.Start("serve", "--role", "control", "--role", "api", "--data-dir", Path.Combine(bench.Root, "node"), "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0");
        var address = await AddressAsync(node);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        var key = Path.Combine(bench.Root, "key");
        await File.WriteAllTextAsync(key, "grid_0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", TestContext.Current.CancellationToken);

        var login = await bench.GridAsync("login", address, "--key-file", key);

        login.ExitCode.ShouldNotBe(0);
        login.Error.ShouldContain("grid login: ");
        File.Exists(Path.Combine(bench.Root, "config", "grid", "context.json")).ShouldBeFalse();
        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
        {
            var end = await Tool.EndAsync(node);
            end.ExitCode.ShouldBe(0);
            // A node that all is well with warns of nothing; that it gets no processor for a second is the machine's affair (the heartbeat of its web server).
            (end.Output + end.Error).Split('\n').Where(line => line.StartsWith("warn:", StringComparison.Ordinal) && !line.Contains("Microsoft.AspNetCore.Server.Kestrel[22]", StringComparison.Ordinal))
                .ShouldBeEmpty(end.Output + end.Error);
        }
    }

    /// <summary>A grid of one node, to which the commands of the bench are logged in as its operator.</summary>
    private static async Task<Process> ServeAsync(Workbench bench, string data)
    {
        var node = bench.Start("serve", "--data-dir", data, "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0");
        var address = await AddressAsync(node);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(data, "operator-key"))).ExitCode.ShouldBe(0);
        return node;
    }

    /// <summary>Waits until a node says where it is.</summary>
    internal static async Task<string> AddressAsync(Process node)
    {
        while (await node.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains("is ready", StringComparison.Ordinal))
                return line[(line.LastIndexOf(' ') + 1)..];
        }
        throw new InvalidOperationException("the node ended: " + await node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
    }
}
