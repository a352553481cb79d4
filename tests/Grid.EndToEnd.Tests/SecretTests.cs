using System.Text;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>What the grid process knows and code in sandboxes must not.</summary>
public sealed class SecretTests(TestMachine machine)
{
    private const string Canary = "canary-5b1c7e0d";

    // Everything a process can easily find out about others and itself.
    private const string Dump = """
        env
        cat /proc/1/environ /proc/self/environ 2>/dev/null | tr '\0' '\n' || true
        find / -xdev -name config.json -not -path '/proc/*' 2>/dev/null || true
        """;

    private const string LaunchLayer = """
        mkdir "$CNB_LAYERS_DIR/dump"
        { env; cat /proc/1/environ; } >"$CNB_LAYERS_DIR/dump/all"
        printf '[types]\nlaunch = true\n' >"$CNB_LAYERS_DIR/dump.toml"
        """;

    [Fact]
    [Spec("buildpack/security.app", "buildpack/security.buildpacks", "buildpack/security.phases", "platform/isolation")]
    public async Task Build_CodeThatLooksForSecrets_FindsNone()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"), withPassword: true);
        bench.Environment["DOCKER_CONFIG"] = registry.DockerConfig(Path.Combine(bench.Root, "docker"));
        bench.Environment["CANARY"] = Canary;
        bench.Builder
            .Buildpack("test/app", detect: Dump, build: BuilderDirectory.WebProcess + "\n" + Dump + "\n" + LaunchLayer)
            .Extension("test/looks", Dump + "\n" + BuilderDirectory.Write("build.Dockerfile", AsRun()) + BuilderDirectory.Write("run.Dockerfile", AsRun()));

        var run = (await bench.PublishAsync($"{registry.Host}/apps/hello:1")).ShouldSucceed();

        run.Log.ShouldContain("CNB_TARGET_OS=linux");
        string[] secrets = [Canary, LoopbackRegistry.Password, Convert.ToBase64String(Encoding.UTF8.GetBytes($"{LoopbackRegistry.User}:{LoopbackRegistry.Password}"))];
        foreach (var secret in secrets)
        {
            run.Process.Output.ShouldNotContain(secret);
            run.Process.Error.ShouldNotContain(secret);
            // grep gives 1 when it finds nothing; layers that were unpacked and written are below the data directory too.
            (await Tool.TryAsync("grep", "-rl", "--", secret, bench.Data)).Output.ShouldBeEmpty();
        }
        await registry.PullAsync("apps/hello:1", $"oci:{bench.Layout}:app");
        var image = await BuiltImage.ReadAsync(bench.Layout);
        secrets.ShouldAllBe(secret => !image.Contains(secret));
        secrets.ShouldAllBe(secret => !image.Config.GetRawText().Contains(secret));

        static string AsRun() => BuilderDirectory.AsRoot("RUN " + Dump.Replace("\n", "; ", StringComparison.Ordinal) + "; env >/dump");
    }

    [Fact]
    public async Task Build_CaBundle_IsSeenInSandboxesAndInNoLayer()
    {
        const string Authority = "-----BEGIN CERTIFICATE----- not-a-real-one-83d1";
        var bench = await machine.NewAsync();
        var file = Path.Combine(bench.Root, "authorities.pem");
        await File.WriteAllTextAsync(file, Authority + "\n");
        bench.Builder
            .Buildpack("test/app", BuilderDirectory.WebProcess + "\necho \"buildpack sees $(cat \"$SSL_CERT_FILE\")\"")
            .Dockerfiles("test/ca", BuilderDirectory.AsRoot("RUN echo \"build step sees $(cat $SSL_CERT_FILE)\"; echo x >/made"), BuilderDirectory.AsRoot("RUN echo \"run step sees $(cat $SSL_CERT_FILE)\"; echo x >/made"));

        var run = (await bench.BuildAsync("--sandbox-ca-bundle", file)).ShouldSucceed();

        foreach (var who in new[] { "buildpack", "build step", "run step" })
            run.Log.ShouldContain($"{who} sees {Authority}");
        var image = await BuiltImage.ReadAsync(bench.Layout);
        image.Contains("not-a-real-one-83d1").ShouldBeFalse();
        image.Contains("run/grid/").ShouldBeFalse("the mount point is in a layer");
        image.Env.ShouldNotContain(variable => variable.StartsWith("SSL_CERT_FILE", StringComparison.Ordinal));
    }
}
