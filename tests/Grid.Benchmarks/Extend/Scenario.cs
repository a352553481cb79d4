using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Extend;

/// <summary>What a contender's cache holds when the clock starts.</summary>
internal enum CacheState
{
    /// <summary>Nothing that may be used: every step runs. The base images are in the store.</summary>
    Nothing,

    /// <summary>Every step.</summary>
    AllSteps,

    /// <summary>Every step but the last, which is a new one each time.</summary>
    AllButTheLastStep,
}

/// <summary>What is measured into one table.</summary>
/// <param name="Name">What <c>--rows</c> calls it.</param>
/// <param name="Title">Heading of its table.</param>
/// <param name="Workload">The Dockerfiles.</param>
/// <param name="Cached">Where the contender starts.</param>
internal sealed record Scenario(string Name, string Title, Workload Workload, CacheState Cached = CacheState.Nothing)
{
    /// <summary>What is put for <see cref="Workload.Edit"/> when nothing is edited.</summary>
    public const string Unedited = "0";

    /// <summary>How many steps have to run.</summary>
    public int StepsToRun => Cached switch { CacheState.Nothing => Workload.Steps, CacheState.AllSteps => 0, _ => 1 };

    /// <summary>What is put for <see cref="Workload.Edit"/> in a timed run.</summary>
    /// <param name="turn">Unique for each timed run.</param>
    public string Edit(string turn) => Cached == CacheState.AllButTheLastStep ? turn : Unedited;
}

/// <summary>The scenarios of <c>extend</c>.</summary>
internal static class Scenarios
{
    private const int TrivialSteps = 20;
    private const int ContextFiles = 5000;

    /// <summary>Clears what apt leaves behind, so that a layer holds the package.</summary>
    private const string CleanUp = "rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache";

    /// <summary>About 100 MB in some thousand files, programs and libraries for the most part: what a toolchain is like.</summary>
    private const string CopySystem = "mkdir /opt/system && cp -r /usr/bin /usr/lib /usr/sbin /usr/share /opt/system/";

    /// <summary>All of them, over workloads below a directory.</summary>
    public static IReadOnlyList<Scenario> In(string directory)
    {
        var packages = new Workload("packages", Path.Combine(directory, "packages"), new Dictionary<string, IReadOnlyList<string>> { ["build"] = [Install("hello")], ["run"] = [Install("cowsay")] })
        {
            Files = 1,
            FileSize = 5_000_000,
        };
        // Each differs from the others: an engine that recognizes a repeated one must not gain by it.
        var trivial = Build("trivial", [.. Enumerable.Range(1, TrivialSteps - 1).Select(i => $"true {i}"), $"true {TrivialSteps} {Workload.Edit}"]);
        return
        [
            new("trivial", $"{TrivialSteps} trivial RUNs, every step runs", trivial),
            new("packages", "Two chains, each apt-get update and install and a COPY of 5 MB, every step runs", packages),
            new("context", $"COPY of a context of {ContextFiles} files of 2 kB", Build("context", []) with { Files = ContextFiles, FileSize = 2000 }),
            new("large", "RUN that writes 100 MB of new files", Build("large", [CopySystem])),
            new("cached", "The two chains again, every step cached", packages, CacheState.AllSteps),
            new("edited", $"{TrivialSteps} trivial RUNs, of which the last is another one than before", trivial, CacheState.AllButTheLastStep),
        ];

        Workload Build(string name, IReadOnlyList<string> commands) =>
            new(name, Path.Combine(directory, name), new Dictionary<string, IReadOnlyList<string>> { ["build"] = commands });
    }

    private static string Install(string package) => $"apt-get update && apt-get install -y --no-install-recommends {package} && {CleanUp}";
}
