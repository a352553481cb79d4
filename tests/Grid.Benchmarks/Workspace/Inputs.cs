using Grid.Benchmarks.Extend;

namespace Grid.Benchmarks.Workspace;

/// <summary>What every contender is given: base images and workloads, and for Grid builders and apps around them.</summary>
internal sealed class Inputs
{
    private readonly string _directory;

    private Inputs(string directory, string baseLayout, string executable) =>
        (_directory, BaseLayout, Executable) = (directory, baseLayout, executable);

    /// <summary>OCI layout with the tags <c>build</c> and <c>run</c>.</summary>
    public string BaseLayout { get; }

    /// <summary>The grid executable; the launcher is beside it, or GRID_LAUNCHER names it.</summary>
    public string Executable { get; }

    /// <summary>What is measured, of these workloads.</summary>
    public IReadOnlyList<Scenario> Scenarios => Extend.Scenarios.In(Path.Combine(_directory, "workloads"));

    public static async Task<Inputs> PrepareAsync(Repository repository, string? baseLayout, string? executable, CancellationToken cancellationToken)
    {
        var layout = baseLayout is not null ? Path.GetFullPath(baseLayout) : Path.Combine(repository.Artifacts, "base");
        if (baseLayout is null)
            await Tool.RunAsync("bash", [Path.Combine(repository.Root, "deploy", "quickstart", "base-images.sh"), layout], cancellationToken);
        else if (!File.Exists(Path.Combine(layout, "index.json")))
            throw new BenchmarkException($"--base wants an OCI layout with the tags build and run; {layout} has no index.json");

        var inputs = new Inputs(Path.Combine(repository.Artifacts, "inputs"), layout, executable ?? await PublishAsync(repository, cancellationToken));
        if (Directory.Exists(inputs._directory))
            Directory.Delete(inputs._directory, recursive: true);
        foreach (var workload in inputs.Scenarios.Select(scenario => scenario.Workload).DistinctBy(workload => workload.Name))
            workload.Write();
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

    /// <summary>The app that makes the extension write this workload, after an edit.</summary>
    public string AppFor(Workload workload, string edit)
    {
        var app = Path.Combine(_directory, "apps", workload.Name);
        Write(Path.Combine(app, "workload"), workload.Name);
        Write(Path.Combine(app, "edit"), edit);
        return app;
    }

    /// <summary>Writes a builder around the workloads and gives the path of its builder.toml.</summary>
    /// <param name="name">Its directory.</param>
    /// <param name="build">Base image for builds.</param>
    /// <param name="run">Base image for apps.</param>
    public string WriteBuilder(string name, string build, string run)
    {
        var directory = Path.Combine(_directory, name);
        var config = Path.Combine(directory, "builder.toml");
        Write(config,
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
            image = "{build}"

            [run]
              [[run.images]]
              image = "{run}"

            """);
        WriteExtension(Path.Combine(directory, "extensions", "workload"));
        WriteBuildpack(Path.Combine(directory, "buildpacks", "app"));
        return config;
    }

    private void WriteExtension(string directory)
    {
        Write(Path.Combine(directory, "extension.toml"), "api = \"0.12\"\n\n[extension]\nid = \"grid-benchmarks/workload\"\nversion = \"1.0.0\"\n");
        Script(Path.Combine(directory, "bin", "detect"), "printf '[[provides]]\\nname = \"workload\"\\n' >\"$CNB_BUILD_PLAN_PATH\"");
        Script(Path.Combine(directory, "bin", "generate"),
            $"cp -r \"$CNB_EXTENSION_DIR/workloads/$(cat workload)/.\" \"$CNB_OUTPUT_DIR/\"\nsed -i \"s/{Workload.Edit}/$(cat edit)/\" \"$CNB_OUTPUT_DIR\"/*.Dockerfile");
        foreach (var workload in Scenarios.Select(scenario => scenario.Workload).DistinctBy(workload => workload.Name))
            (workload with { Directory = Path.Combine(directory, "workloads", workload.Name) }).Write();
    }

    private static void WriteBuildpack(string directory)
    {
        Write(Path.Combine(directory, "buildpack.toml"), "api = \"0.10\"\n\n[buildpack]\nid = \"grid-benchmarks/app\"\nversion = \"1.0.0\"\n\n[[targets]]\nos = \"linux\"\n");
        Script(Path.Combine(directory, "bin", "detect"), "printf '[[requires]]\\nname = \"workload\"\\n' >\"$CNB_BUILD_PLAN_PATH\"");
        Script(Path.Combine(directory, "bin", "build"),
            "printf '[[processes]]\\ntype = \"web\"\\ncommand = [\"cat\"]\\nargs = [\"workload\"]\\ndefault = true\\n' >\"$CNB_LAYERS_DIR/launch.toml\"");
    }

    private static void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private static void Script(string path, string command)
    {
        Write(path, $"#!/bin/sh\nset -e\n{command}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }
}
