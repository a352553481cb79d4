using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Dockerfiles;

/// <summary>The base image of the recorded cases, and short ways to plan a Dockerfile over it.</summary>
internal static class Samples
{
    public const string Path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static readonly Digest BaseLayer = Digest.Compute("base"u8);

    public static readonly Digest NewLayer = Digest.Compute("new"u8);

    public static ImageState Base(params string[] env) => new([BaseLayer], new ContainerConfig
    {
        User = "1001:1001",
        Env = [Path, .. env],
        Labels = new Dictionary<string, string> { ["io.buildpacks.base.id"] = "ref.bookworm.run" },
    }, "linux", "amd64");

    /// <summary>Plans all instructions behind FROM; each step that may make a layer makes <see cref="NewLayer"/>.</summary>
    public static List<PlannedStep> Plan(string body, IReadOnlyList<BuildArg>? args = null, ImageState? image = null, string header = "ARG base_image\nFROM ${base_image}\n")
    {
        var planner = StagePlanner.Start(Dockerfile.Parse(header + body, "run.Dockerfile"), image ?? Base(), args ?? []);
        var (state, scope) = (planner.InitialState, planner.InitialScope);
        var steps = new List<PlannedStep>();
        for (var i = 0; i < planner.Count; i++)
        {
            var step = planner.Plan(i, state, scope);
            steps.Add(step);
            (state, scope) = (step.After(step.NeedsLayer ? NewLayer : null), step.Scope);
        }
        return steps;
    }

    public static T Last<T>(string body, IReadOnlyList<BuildArg>? args = null, ImageState? image = null) where T : PlannedStep =>
        Plan(body, args, image)[^1].ShouldBeOfType<T>();

    public static ContainerConfig Config(string body, IReadOnlyList<BuildArg>? args = null) => Plan(body, args)[^1].Next.Config;

    public static DockerfileException Fails(string body, IReadOnlyList<BuildArg>? args = null) => Should.Throw<DockerfileException>(() => Plan(body, args));
}
