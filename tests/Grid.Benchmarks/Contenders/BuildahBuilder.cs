using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary><c>buildah build --layers</c> with chroot isolation: its fastest way, and the one that works inside containers.</summary>
internal sealed class BuildahBuilder : IBuilder
{
    private readonly string _root;
    private readonly string _run;

    private BuildahBuilder(string root, string run) => (_root, _run) = (root, run);

    public string Name => "buildah, chroot isolation";

    public bool HasCache => true;

    public bool CanDoBothAtOnce => false;

    public static async Task<BuildahBuilder> PrepareAsync(string store, Inputs inputs, CancellationToken cancellationToken)
    {
        var builder = new BuildahBuilder(Path.Combine(store, "buildah"), Path.Combine(store, "buildah-run"));
        foreach (var kind in new[] { "build", "run" })
            await Tool.RunAsync("skopeo",
                ["copy", "-q", "--insecure-policy", $"oci:{inputs.BaseLayout}:{kind}", $"containers-storage:[overlay@{builder._root}+{builder._run}]{Base(kind)}"], cancellationToken);
        return builder;
    }

    public Task ApplyAsync(Workload workload, string kind, string edit, bool cold, CancellationToken cancellationToken) =>
        Tool.RunAsync("buildah",
            [
                "--root", _root, "--runroot", _run, "--storage-driver", "overlay", "build", "--quiet", "--isolation", "chroot", "--layers", "--pull-never",
                .. cold ? ["--no-cache"] : Array.Empty<string>(),
                "--build-arg", $"base_image={Base(kind)}", "--build-arg", $"user_id={Workload.UserId}", "--build-arg", $"group_id={Workload.UserId}",
                "--tag", $"{workload.Name}:{kind}", "--file", workload.Dockerfile(kind, edit), workload.Context,
            ],
            cancellationToken);

    private static string Base(string kind) => $"localhost/grid-benchmark-base:{kind}";
}
