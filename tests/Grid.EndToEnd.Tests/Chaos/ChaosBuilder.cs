using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>
/// A builder whose every phase takes its time and says so: numbered lines, under a name that each run of a phase has for itself. Images differ with the
/// source, steps are never cached from one source to the next, and nothing of a run is in the image. The buildpack of a source with a file
/// <see cref="Hold"/> waits for a file <see cref="Go"/> beside it; the image has neither.
/// </summary>
internal static class ChaosBuilder
{
    /// <summary>Lines each run of a phase prints.</summary>
    public const int Lines = 12;

    public const string Hold = "hold";

    public const string Go = "go";

    /// <summary>Adds buildpack and extension, with both images extended.</summary>
    /// <param name="builder">Where to.</param>
    /// <param name="pace">Seconds between two lines.</param>
    public static void AddTo(BuilderDirectory builder, string pace)
    {
        var loop = $"run=$(cat /proc/sys/kernel/random/uuid); n=0; while [ $n -lt {Lines} ]; do n=$((n+1)); echo \"line $run $n of {Lines}\"; sleep {pace}; done";
        builder.Buildpack("chaos/app", $"""
            while [ -e {Hold} ] && [ ! -e {Go} ]; do sleep 0.1; done
            rm -f {Hold} {Go}
            {loop}
            mkdir -p "$CNB_LAYERS_DIR/content"
            cp source.txt "$CNB_LAYERS_DIR/content/copy.txt"
            printf '[types]\nlaunch = true\n' >"$CNB_LAYERS_DIR/content.toml"
            {BuilderDirectory.WebProcess}
            """, detect: loop);
        builder.Dockerfiles("chaos/both",
            BuilderDirectory.AsRoot($"COPY source.txt /build-source\nRUN {loop}; echo build >/extended\nRUN cat /build-source >/twice"),
            BuilderDirectory.AsRoot($"COPY source.txt /run-source\nRUN {loop}; echo run >/extended"));
    }
}
