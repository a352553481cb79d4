using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>The quickstart's Node.js app, buildpack and extension on Debian base images: the only test that needs the network.</summary>
public sealed class SampleTests(TestMachine machine)
{
    private const string Authorities = "/etc/ssl/certs/ca-certificates.crt";

    [Fact]
    public async Task Sample_BuiltIntoARegistry_AnswersByHttpAndIsCachedTheSecondTime()
    {
        var bench = await machine.NewAsync();
        var quickstart = await CopyQuickstartAsync(bench);
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        var image = $"{registry.Host}/samples/web:1";
        if (File.Exists(Authorities))
            bench.Environment["GRID_SANDBOX_CA_BUNDLE"] = Authorities;
        string[] build = ["build", Path.Combine(quickstart, "app"), "--builder", quickstart, "--image", image, "--json"];

        var first = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();
        var second = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        first.Steps().ShouldAllBe(step => step.EndsWith(" Ran", StringComparison.Ordinal));
        second.Steps().ShouldAllBe(step => step.EndsWith(" Cached", StringComparison.Ordinal));
        second.Log.ShouldContain("Dependencies are unchanged");
        second.Digest.ShouldBe(first.Digest);
        await registry.PullAsync("samples/web:1", $"oci:{bench.Layout}:app");
        var bundle = await (await BuiltImage.ReadAsync(bench.Layout)).UnpackAsync(Path.Combine(bench.Root, "bundle"));
        (await AnswerAsync(bundle)).ShouldContain("Hello");
        Leftovers.Of(bench.Data, bench.Data).ShouldBeEmpty();
    }

    private static async Task<string> CopyQuickstartAsync(Workbench bench)
    {
        var source = Path.Combine(TestMachine.Repository, "deploy", "quickstart");
        var cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "grid-tests", "base");
        Directory.CreateDirectory(Path.GetDirectoryName(cache)!);
        var made = await Tool.TryAsync("bash", Path.Combine(source, "base-images.sh"), cache);
        if (made.ExitCode != 0)
            Assert.Skip($"base images of Debian cannot be made here: {made.Error}");
        var target = Path.Combine(bench.Root, "quickstart");
        await Tool.RunAsync("cp", "-r", source, target);
        await Tool.RunAsync("rm", "-rf", Path.Combine(target, "base"));
        await Tool.RunAsync("cp", "-r", cache, Path.Combine(target, "base"));
        return target;
    }

    private static async Task<string> AnswerAsync(string bundle)
    {
        var port = LoopbackPort.Free();
        using var container = BuiltImage.Start(bundle, $"PORT={port}", "HOST=127.0.0.1");
        try
        {
            using var client = new HttpClient();
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            while (true)
            {
                try
                {
                    return await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/?name=tests"), patience.Token);
                }
                catch (HttpRequestException) when (!container.HasExited)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
                }
            }
        }
        finally
        {
            // The runtime passes the signal on to the app, which ends by it.
            await Tool.TryAsync("/bin/kill", "-TERM", container.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            var ended = await Tool.EndAsync(container);
            ended.ExitCode.ShouldBe(0, ended.ToString());
        }
    }
}
