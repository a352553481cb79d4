using System.Diagnostics;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>One test's own world: a data directory, an app, a builder directory, and <c>grid</c> started in it.</summary>
public sealed class Workbench
{
    public Workbench(TestMachine machine, TinyImages images, string directory)
    {
        (Machine, Images, Root) = (machine, images, directory);
        Data = Path.Combine(directory, "data");
        App = Directory.CreateDirectory(Path.Combine(directory, "app")).FullName;
        Builder = new BuilderDirectory(Path.Combine(directory, "builder"), images);
        File.WriteAllText(Path.Combine(App, "hello.txt"), "hello from the app\n");
    }

    public TestMachine Machine { get; }

    public TinyImages Images { get; }

    public string Root { get; }

    /// <summary>The data directory of its grid.</summary>
    public string Data { get; init; }

    public string App { get; }

    public BuilderDirectory Builder { get; }

    /// <summary>Variables its grid gets besides the test's own; null takes one away.</summary>
    public Dictionary<string, string?> Environment { get; } = new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null,
        ["GRID_SANDBOX_CA_BUNDLE"] = null,
        ["GRID_SERVER"] = "local",
        // The tests' registries; ServeTests shows what holds without it.
        ["GRID_PRIVATE_HOST"] = "127.0.0.1",
    };

    /// <summary>An OCI layout for the test's images.</summary>
    public string Layout => Path.Combine(Root, "images");

    /// <summary><c>grid build --json</c> of the app into <see cref="Layout"/> under the tag <c>app</c>, with more flags; later ones win nothing: name what differs.</summary>
    public Task<BuildRun> BuildAsync(params string[] flags) =>
        BuildRun.OfAsync(Start(["build", App, "--builder", Builder.Write(), "--image", "test/app", "--output", $"oci:{Layout}:app", "--json", .. flags]));

    /// <summary>The same with the image in a registry.</summary>
    public Task<BuildRun> PublishAsync(string image, params string[] flags) =>
        BuildRun.OfAsync(Start(["build", App, "--builder", Builder.Write(), "--image", image, "--json", .. flags]));

    /// <summary>Runs <c>grid</c> with exactly these arguments.</summary>
    public async Task<ToolResult> GridAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        return await Tool.EndAsync(process);
    }

    /// <summary>Starts <c>grid</c>.</summary>
    public Process Start(params string[] arguments) => StartIn([], arguments);

    /// <summary>Starts <c>grid</c> by a command that it replaces, such as <c>nsenter</c>.</summary>
    public Process StartIn(IReadOnlyList<string> enter, params string[] arguments)
    {
        string[] command = [.. enter, TestMachine.Executable, .. arguments];
        return Tool.Start(command[0], command[1..], new Dictionary<string, string?>(Environment)
        {
            ["GRID_DATA_DIR"] = Data,
            ["GRID_LAUNCHER"] = Machine.Launcher,
        });
    }
}
