using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Lifecycle.Tests.Source;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

namespace Grid.EndToEnd.Tests;

/// <summary>Source that is in a git repository, or in an image of a registry: fetched by whoever builds.</summary>
public sealed class FetchedSourceTests(TestMachine machine)
{
    private const string ProjectLabel = "io.buildpacks.project.metadata";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Build_OfARepository_OnThisMachine_RecordsTheCommit()
    {
        var bench = await machine.NewAsync();
        using var server = GitServer.Start(Path.Combine(bench.Root, "git"));
        var url = server.Repository("app", ("web/hello.txt", "hello from git\n"));
        var commit = server.Commit("app");
        server.Publish("app", "v1");
        server.Commit("app", ("web/hello.txt", "later\n"));
        server.Publish("app");
        bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\ncat hello.txt");

        var run = (await BuildRun.OfAsync(bench.Start("build", "--git", url, "--revision", "v1", "--source-path", "web", "--builder", bench.Builder.Write(), "--image", "test/app", "--output", $"oci:{bench.Layout}:app", "--json"))).ShouldSucceed();

        run.Log.ShouldContain("hello from git");
        var label = JsonSerializer.Deserialize<JsonElement>((await BuiltImage.ReadAsync(bench.Layout)).Label(ProjectLabel)).GetProperty("source");
        label.GetProperty("type").GetString().ShouldBe("git");
        label.GetProperty("version").GetProperty("commit").GetString().ShouldBe(commit);
        (await bench.GridAsync("artifacts", run.Key, "project-metadata.toml")).Output.ShouldContain(commit);
        Directory.GetFiles(bench.Data, "*", SearchOption.AllDirectories).ShouldNotContain(f => f.Contains("/.git/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Build_OfAPrivateRepositoryAndOfAnImage_OnARunningGrid()
    {
        Assert.SkipUnless(SshServer.IsInstalled, "there is no sshd (openssh-server)");
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        await PushSourceAsync(bench, registry);
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\ncat hello.txt");
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        using var server = GitServer.Start(Path.Combine(bench.Root, "git"));
        var url = server.Repository("app", ("hello.txt", "hello from a private repository\n"));
        server.IsPrivate = true;
        var data = Path.Combine(bench.Root, "node");
        using var node = bench.Start("serve", "--data-dir", data, "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0");
        var address = await ServeTests.AddressAsync(node);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(data, "operator-key"))).ExitCode.ShouldBe(0);
        var line = Path.Combine(bench.Root, "secret");
        await File.WriteAllTextAsync(line, server.Line, Stop);
        (await bench.GridAsync("secret", "set", "git", "--file", line)).ExitCode.ShouldBe(0);
        string[] build = ["build", "--builder", builder, "--image", $"{registry.Host}/apps/fetched:1", "--json"];

        (await BuildRun.OfAsync(bench.Start([.. build, "--git", url]))).ShouldFail(1, "name a secret");
        var git = (await BuildRun.OfAsync(bench.Start([.. build, "--git", url, "--git-secret", "git"]))).ShouldSucceed();
        string[] secrets = [GitServer.Password, await OverSshAsync(bench, build)];
        var image = (await BuildRun.OfAsync(bench.Start([.. build, "--source-image", $"{registry.Host}/sources/app:1"]))).ShouldSucceed();

        git.Log.ShouldContain("hello from a private repository");
        git.Process.ToString().ShouldNotContain(GitServer.Password);
        image.Log.ShouldContain("hello from the app");
        using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
        {
            var end = await Tool.EndAsync(node);
            end.ExitCode.ShouldBe(0);
            foreach (var secret in secrets)
                (end.Output + end.Error).ShouldNotContain(secret);
        }
        foreach (var file in Directory.GetFiles(data, "*", SearchOption.AllDirectories))
        {
            var bytes = await File.ReadAllBytesAsync(file, Stop);
            foreach (var secret in secrets)
                bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret)).ShouldBe(-1, file);
        }
        Leftovers.Of(data, data).ShouldBeEmpty();
    }

    /// <summary>A repository that is reached by ssh, with a private key that is a tenant's secret: a line of it, which is to be nowhere afterwards.</summary>
    private static async Task<string> OverSshAsync(Workbench bench, string[] build)
    {
        var place = Directory.CreateTempSubdirectory("grid-ssh-");
        try
        {
            File.SetUnixFileMode(place.FullName, (UnixFileMode)0b111_101_101);
            using var repositories = GitServer.Start(Path.Combine(place.FullName, "repositories"));
            repositories.Repository("app", ("hello.txt", "hello over ssh\n"));
            using var server = SshServer.Start(Path.Combine(place.FullName, "ssh"));
            var (key, known) = (Path.Combine(place.FullName, "key"), Path.Combine(place.FullName, "known"));
            await File.WriteAllBytesAsync(key, server.PrivateKey, Stop);
            await File.WriteAllTextAsync(known, server.KnownHosts, Stop);
            (await bench.GridAsync("secret", "set", "deploy-key", "--file", key)).ExitCode.ShouldBe(0);
            var run = (await BuildRun.OfAsync(bench.Start([.. build, "--git", $"ssh://{SshServer.User}@127.0.0.1:{server.Port}{place.FullName}/repositories/app", "--git-secret", "deploy-key", "--git-known-hosts", known]))).ShouldSucceed();

            run.Log.ShouldContain("hello over ssh");
            var line = Encoding.ASCII.GetString(server.PrivateKey).Split('\n')[1];
            run.Process.ToString().ShouldNotContain(line);
            return line;
        }
        finally
        {
            place.Delete(recursive: true);
        }
    }

    /// <summary>The app's files as the image of a registry.</summary>
    private static async Task PushSourceAsync(Workbench bench, LoopbackRegistry registry)
    {
        var content = new ContentStore(Path.Combine(bench.Root, "source-content"));
        var image = ImageBuilder.FromScratch(new Platform("linux", (await Tool.RunAsync("dpkg", "--print-architecture")).Trim()));
        image.AddLayer(DirectoryLayer.Create(content, new RootedDirectory(bench.App), "/", new DirectoryLayerOptions(), Stop), content);
        var layout = Path.Combine(bench.Root, "source-layout");
        await new LayoutImageStore().PushAsync(image.Build(), new ImageLocation.Layout(layout, "source"), null, Stop);
        await registry.PushAsync($"oci:{layout}:source", "sources/app:1");
    }
}
