namespace Grid.Benchmarks.Workspace;

/// <summary>What every contender is given: base images and workloads, and for Grid the builder and the app around them.</summary>
internal sealed class Inputs
{
    public const int TrivialSteps = 10;
    private const int PayloadBytes = 5_000_000;

    private Inputs(string directory, string baseLayout, string executable) =>
        (Directory, BaseLayout, Executable) = (directory, baseLayout, executable);

    /// <summary>OCI layout with the tags <c>build</c> and <c>run</c>.</summary>
    public string BaseLayout { get; }

    /// <summary>The grid executable; the launcher is beside it, or GRID_LAUNCHER names it.</summary>
    public string Executable { get; }

    /// <summary>The directory with builder.toml.</summary>
    public string Builder => Path.Combine(Directory, "builder");

    /// <summary>apt-get of a package in each image, and a copied file.</summary>
    public Workload Packages => Workload("packages", PayloadBytes, new() { ["build"] = [Install("hello")], ["run"] = [Install("cowsay")] });

    /// <summary>Ten trivial commands. Each differs from the others: an engine that recognizes a repeated one must not gain by it.</summary>
    public Workload Trivial => Workload("trivial", 0, new() { ["build"] = [.. Enumerable.Range(1, TrivialSteps).Select(i => $"true {i}")] });

    private string Directory { get; }

    /// <summary>The app that makes the extension write this workload.</summary>
    public string AppFor(Workload workload) => Path.Combine(Directory, "apps", workload.Name);

    public static async Task<Inputs> PrepareAsync(Repository repository, string? baseLayout, string? executable, CancellationToken cancellationToken)
    {
        var layout = baseLayout is not null ? Path.GetFullPath(baseLayout) : Path.Combine(repository.Artifacts, "base");
        if (baseLayout is null)
            await Tool.RunAsync("bash", [Path.Combine(repository.Root, "deploy", "quickstart", "base-images.sh"), layout], cancellationToken);
        else if (!File.Exists(Path.Combine(layout, "index.json")))
            throw new BenchmarkException($"--base wants an OCI layout with the tags build and run; {layout} has no index.json");

        var inputs = new Inputs(Path.Combine(repository.Artifacts, "inputs"), layout, executable ?? await PublishAsync(repository, cancellationToken));
        if (System.IO.Directory.Exists(inputs.Directory))
            System.IO.Directory.Delete(inputs.Directory, recursive: true);
        inputs.WriteWorkloads();
        inputs.WriteBuilder();
        return inputs;
    }

    /// <summary>Publishes grid and the launcher beside it, compiled the way deploy/install.sh does.</summary>
    public static async Task<string> PublishAsync(Repository repository, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(repository.Artifacts, "grid");
        foreach (var (project, options) in new (string, string[])[] { ("Grid.Cli", ["--no-self-contained", "-p:PublishReadyToRun=true"]), ("Grid.Launcher", []) })
            await Tool.RunAsync("dotnet",
                ["publish", Path.Combine(repository.Root, "src", project), "-c", "Release", "--use-current-runtime", "-o", directory, "-nodeReuse:false", "-p:UseSharedCompilation=false", .. options], cancellationToken);
        return Path.Combine(directory, "grid");
    }

    private void WriteWorkloads()
    {
        foreach (var workload in new[] { Packages, Trivial })
        {
            workload.Write();
            Write(Path.Combine(AppFor(workload), "workload"), workload.Name);
        }
    }

    private Workload Workload(string name, int payload, Dictionary<string, IReadOnlyList<string>> commands) =>
        new(name, Path.Combine(Builder, "extensions", "workload", "workloads", name), commands, payload);

    private static string Install(string package) =>
        $"apt-get update && apt-get install -y --no-install-recommends {package}"
        + " && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache";

    private void WriteBuilder()
    {
        Write(Path.Combine(Builder, "builder.toml"),
            $"""
            description = "Builder of the benchmark"

            [[buildpacks]]
            uri = "buildpacks/app"

            [[extensions]]
            uri = "extensions/workload"

            [[order]]
              [[order.group]]
              id = "grid-benchmarks/app"
              version = "1.0.0"

            [[order-extensions]]
              [[order-extensions.group]]
              id = "grid-benchmarks/workload"
              version = "1.0.0"

            [build]
            image = "oci:{BaseLayout}:build"

            [run]
              [[run.images]]
              image = "oci:{BaseLayout}:run"

            """);
        Write(Path.Combine(Builder, "extensions", "workload", "extension.toml"),
            "api = \"0.12\"\n\n[extension]\nid = \"grid-benchmarks/workload\"\nversion = \"1.0.0\"\n");
        Script(Path.Combine(Builder, "extensions", "workload", "bin", "detect"), "printf '[[provides]]\\nname = \"workload\"\\n' >\"$CNB_BUILD_PLAN_PATH\"");
        Script(Path.Combine(Builder, "extensions", "workload", "bin", "generate"), "cp -r \"$CNB_EXTENSION_DIR/workloads/$(cat workload)/.\" \"$CNB_OUTPUT_DIR/\"");
        Write(Path.Combine(Builder, "buildpacks", "app", "buildpack.toml"),
            "api = \"0.10\"\n\n[buildpack]\nid = \"grid-benchmarks/app\"\nversion = \"1.0.0\"\n\n[[targets]]\nos = \"linux\"\n");
        Script(Path.Combine(Builder, "buildpacks", "app", "bin", "detect"), "printf '[[requires]]\\nname = \"workload\"\\n' >\"$CNB_BUILD_PLAN_PATH\"");
        Script(Path.Combine(Builder, "buildpacks", "app", "bin", "build"),
            "printf '[[processes]]\\ntype = \"web\"\\ncommand = [\"cat\"]\\nargs = [\"workload\"]\\ndefault = true\\n' >\"$CNB_LAYERS_DIR/launch.toml\"");
    }

    private static void Write(string path, string text)
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private static void Script(string path, string command)
    {
        Write(path, $"#!/bin/sh\nset -e\n{command}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }
}
