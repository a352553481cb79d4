using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary><c>docker build</c>: BuildKit, or the classic builder.</summary>
/// <param name="daemon">The engine.</param>
/// <param name="buildKit">Whether the engine's BuildKit does it.</param>
/// <param name="network">Of RUN: <c>host</c> is the engine's own, <c>bridge</c> is one of each container's.</param>
internal sealed class DockerBuilder(DockerDaemon daemon, bool buildKit, string network) : IBuilder
{
    public string Name => $"docker build, {(buildKit ? "BuildKit" : "classic")}, {network} network";

    public bool HasCache => true;

    public bool CanDoBothAtOnce => true;

    public static string Base(string kind) => $"grid-benchmark-base:{kind}";

    public Task ApplyAsync(Workload workload, string kind, string edit, bool cold, CancellationToken cancellationToken) =>
        Tool.RunAsync(DockerDaemon.Client,
            [
                "--host", daemon.Host, "build", "--quiet", "--network", network == "bridge" ? "default" : network, .. cold ? ["--no-cache"] : Array.Empty<string>(),
                "--build-arg", $"base_image={Base(kind)}", "--build-arg", $"user_id={Workload.UserId}", "--build-arg", $"group_id={Workload.UserId}",
                "--tag", $"{workload.Name}-{(buildKit ? "buildkit" : "classic")}:{kind}", "--file", workload.Dockerfile(kind, edit), workload.Context,
            ],
            new Dictionary<string, string> { ["DOCKER_BUILDKIT"] = buildKit ? "1" : "0" }, cancellationToken);
}
