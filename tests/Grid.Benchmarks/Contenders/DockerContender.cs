using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary><c>docker build</c> with the host's network: BuildKit, or the classic builder.</summary>
internal sealed class DockerContender(DockerDaemon daemon, bool buildKit) : IContender
{
    public string Name => buildKit ? "docker build, BuildKit" : "docker build, classic";

    public bool HasCache => true;

    public bool CanDoBothAtOnce => true;

    public static string Base(string kind) => $"grid-benchmark-base:{kind}";

    public Task ApplyAsync(Workload workload, string kind, bool cold, CancellationToken cancellationToken) =>
        Tool.RunAsync(DockerDaemon.Client,
            [
                "--host", daemon.Host, "build", "--quiet", "--network", "host", .. cold ? ["--no-cache"] : Array.Empty<string>(),
                "--build-arg", $"base_image={Base(kind)}", "--build-arg", $"user_id={Workload.UserId}", "--build-arg", $"group_id={Workload.UserId}",
                "--tag", $"{workload.Name}-{(buildKit ? "buildkit" : "classic")}:{kind}", "--file", workload.Dockerfile(kind), workload.Context,
            ],
            new Dictionary<string, string> { ["DOCKER_BUILDKIT"] = buildKit ? "1" : "0" }, cancellationToken);
}
