using Grid.Dockerfiles;
using Grid.Grains.Tests;
using Grid.Lifecycle;
using Grid.Lifecycle.Extend;

namespace Grid.Benchmarks.Orchestration;

/// <summary>What a simulated build consists of; the same for all builds of a measurement.</summary>
/// <param name="Name">For tables.</param>
/// <param name="StepsOfEach">Dockerfile steps that have a key, for each of the two images.</param>
internal sealed record BuildShape(string Name, int StepsOfEach)
{
    public static readonly BuildShape Plain = new("no extension", 0);

    public static readonly BuildShape Extended = new("both images, 2 RUN each", 2);

    /// <summary>How long the buildpacks take; everything else takes no time.</summary>
    public TimeSpan Work { get; init; }

    /// <summary>Makes every build's steps different from those of all others, so that none is cached.</summary>
    public bool StepsAreNew { get; init; }

    /// <summary>What detection finds.</summary>
    public Detection Detect(string buildKey) => StepsOfEach == 0 ? Samples.Detection() : Samples.Detection(Dockerfile(ImageKind.Build, buildKey), Dockerfile(ImageKind.Run, buildKey));

    private ExtensionDockerfileSource Dockerfile(ImageKind kind, string buildKey) =>
        Samples.Dockerfile(kind, "ARG base_image\nFROM ${base_image}\n" + string.Concat(Enumerable.Range(0, StepsOfEach).Select(n => $"RUN step {n} {(StepsAreNew ? buildKey : "")}\n")) + "ENV extended=yes\n");
}
