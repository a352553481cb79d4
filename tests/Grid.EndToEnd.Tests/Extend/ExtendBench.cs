using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>One Dockerfile with its context, in an output directory of an extension, and <c>grid extend</c> over the tiny run image.</summary>
public sealed class ExtendBench
{
    private readonly string _root;
    private readonly string _base;
    private readonly string _data;

    private ExtendBench(string root, string image, string data) => (_root, _base, _data) = (root, image, data);

    /// <summary>Where the context's files go.</summary>
    public string Context => Path.Combine(_root, "output", "context");

    public string Layout => Path.Combine(_root, "image");

    /// <summary>A bench of its own, with the data directory that all of a class share.</summary>
    public static async Task<ExtendBench> NewAsync(TestMachine machine, string? data = null)
    {
        TestMachine.Require();
        var root = Path.Combine(machine.Scratch, "extend-" + Guid.NewGuid().ToString("N")[..12]);
        var bench = new ExtendBench(root, (await machine.ImagesAsync()).Run, data ?? Path.Combine(machine.Scratch, "extend-data"));
        Directory.CreateDirectory(bench.Context);
        return bench;
    }

    /// <summary>The same Dockerfile and context on another node, which has a data directory of its own.</summary>
    public ExtendBench On(string data) => new(_root, _base, data);

    /// <summary>
    /// The same on another node of the same grid: it has the state of this one and can get every blob, but has unpacked nothing.
    /// </summary>
    public async Task<ExtendBench> OnAnotherNodeAsync()
    {
        var data = Path.Combine(_root, "another-node");
        Directory.CreateDirectory(data);
        await Tool.RunAsync("cp", "-a", Path.Combine(_data, "state"), data);
        await Tool.RunAsync("cp", "-al", Path.Combine(_data, "content"), data);
        return On(data);
    }

    /// <summary>Writes a file of the context.</summary>
    public ExtendBench With(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Context, path))!);
        File.WriteAllText(Path.Combine(Context, path), content);
        return this;
    }

    /// <summary>Applies the instructions behind FROM as root's; the image ends as the CNB user.</summary>
    public Task<BuildRun> RunAsync(string instructions, params string[] flags) => RunFileAsync($"ARG base_image\nFROM ${{base_image}}\nUSER root\n{instructions}\nUSER 1001:1001\n", flags);

    /// <summary>Applies a whole Dockerfile.</summary>
    public async Task<BuildRun> RunFileAsync(string text, params string[] flags)
    {
        var file = Path.Combine(_root, "output", "run.Dockerfile");
        File.WriteAllText(file, text);
        using var process = Tool.Start(TestMachine.Executable,
            ["extend", "--kind", "run", "--base", _base, "--dockerfile", file, "--output", $"oci:{Layout}:app", "--json", .. flags],
            new Dictionary<string, string?> { ["GRID_DATA_DIR"] = _data, ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null });
        return await BuildRun.OfAsync(process);
    }

    /// <summary>The members of the layers on top of the base, as lines.</summary>
    public async Task<string> LayersAsync()
    {
        var image = await BuiltImage.ReadAsync(Layout);
        return string.Join("\n---\n", image.Tars().Skip(1).Select(LayerMember.Read).Select(LayerMember.Describe));
    }

    /// <summary>The image's own configuration.</summary>
    public async Task<JsonElement> ConfigAsync() => (await BuiltImage.ReadAsync(Layout)).Config.GetProperty("config");

    public Task<BuiltImage> ImageAsync() => BuiltImage.ReadAsync(Layout);
}
